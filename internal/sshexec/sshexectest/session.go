// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package sshexectest

import (
	"errors"
	"io"
	"os/exec"
	"syscall"

	"golang.org/x/crypto/ssh"
)

// serveSession answers one exec request and ends the session.
func serveSession(newChannel ssh.NewChannel) {
	channel, requests, err := newChannel.Accept()
	if err != nil {
		return
	}
	defer func() { _ = channel.Close() }()
	for request := range requests {
		var payload struct{ Text string }
		if err := ssh.Unmarshal(request.Payload, &payload); err != nil {
			_ = request.Reply(false, nil)
			continue
		}
		if request.Type != "exec" {
			_ = request.Reply(false, nil)
			continue
		}
		_ = request.Reply(true, nil)
		gone := make(chan struct{})
		go func() {
			ssh.DiscardRequests(requests) // ends when the client closes the session
			close(gone)
		}()
		status := runCommand(channel, payload.Text, gone)
		_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{status}))
		return
	}
}

// runCommand runs the line in a shell; the whole process group dies when the client goes away.
func runCommand(channel ssh.Channel, line string, gone <-chan struct{}) uint32 {
	command := exec.Command("sh", "-c", line)
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Stdout, command.Stderr = channel, channel.Stderr()
	stdin, err := command.StdinPipe()
	if err != nil {
		return 255
	}
	if err := command.Start(); err != nil {
		return 255
	}
	go func() {
		_, _ = io.Copy(stdin, channel)
		_ = stdin.Close()
	}()
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-gone:
			_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL)
		case <-ended:
		}
	}()
	var exit *exec.ExitError
	if err := command.Wait(); errors.As(err, &exit) {
		return uint32(exit.ExitCode() & 0xff)
	}
	return 0
}
