// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package management

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"time"
)

// askLimit bounds one question about a server's health.
const askLimit = 5 * time.Second

// httpHealth returns a question that a 200 answers.
func httpHealth(client *http.Client, url string) func(context.Context) error {
	return func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, askLimit)
		defer cancel()
		return Ask(ctx, client, url)
	}
}

// Ask is content with a server that answers 200.
func Ask(ctx context.Context, client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("get %s: %s", url, response.Status)
	}
	return nil
}

// httpClient returns a client that dials in network, trusts one authority and shows a certificate if files are given.
func httpClient(network Network, trusted *authority, files *pair) (*http.Client, error) {
	roots := x509.NewCertPool()
	roots.AddCert(trusted.certificate)
	configuration := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	if files != nil {
		certificate, err := tls.LoadX509KeyPair(files.certificate, files.key)
		if err != nil {
			return nil, fmt.Errorf("load client certificate: %w", err)
		}
		configuration.Certificates = []tls.Certificate{certificate}
	}
	return &http.Client{Transport: &http.Transport{
		DialContext: network.DialContext, TLSClientConfig: configuration, DisableKeepAlives: true,
	}}, nil
}

// listens is healthy when connections to address are accepted.
func listens(ctx context.Context, network Network, address string) error {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	connection, err := network.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return connection.Close()
}
