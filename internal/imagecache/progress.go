// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package imagecache

import "io"

// Stage is the direction of a transfer.
type Stage string

// Stages.
const (
	StageDownload Stage = "Download"
	StageUpload   Stage = "Upload"
)

// Progress is that of a transfer, in bytes. Total is -1 when it is unknown.
type Progress struct {
	Stage       Stage
	Done, Total int64
}

// meter reports every 4 MiB and at the end.
type meter struct {
	io.Reader
	stage       Stage
	done, total int64
	reported    int64
	report      func(Progress)
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.Reader.Read(p)
	m.done += int64(n)
	if m.report != nil && (m.done-m.reported >= 4<<20 || err != nil) {
		m.reported = m.done
		m.report(Progress{Stage: m.stage, Done: m.done, Total: m.total})
	}
	return n, err
}
