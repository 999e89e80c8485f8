// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package imagecache_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
	"go.uber.org/goleak"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/altcos/cluster-api-provider-altcos/internal/imagecache"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt/fakevirt"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt/virttest"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
)

const virtualSize = 10 << 30

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

func packed(t *testing.T, content []byte, open func(io.Writer) (io.WriteCloser, error)) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := open(&b)
	if err == nil {
		_, err = w.Write(content)
	}
	if err == nil {
		err = w.Close()
	}
	assert.NoError(t, err)
	return b.Bytes()
}

// fixture is a cache, a cloud and a web server.
type fixture struct {
	*testing.T
	options imagecache.Options
	cache   *imagecache.Cache
	clock   *clocktesting.FakePassiveClock
	host    *fakevirt.Host
	cloud   *fakevirt.Cloud
	url     string
	gets    atomic.Int32
	serve   http.HandlerFunc
}

func newFixture(t *testing.T, content []byte) *fixture {
	t.Helper()
	f := &fixture{T: t, clock: clocktesting.NewFakePassiveClock(time.Unix(1_800_000_000, 0)), cloud: fakevirt.NewCloud()}
	f.serve = func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(content) }
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.gets.Add(1)
		f.serve(w, r)
	}))
	t.Cleanup(server.Close)
	f.url = server.URL + "/image"
	f.host = f.cloud.AddHost("h1")
	f.options = imagecache.Options{
		Dir: filepath.Join(t.TempDir(), "cache"), Clock: f.clock, Client: server.Client(), FileRoot: t.TempDir(),
		IdleTimeout: time.Minute, // a busy machine is not a silent server
	}
	f.restart()
	return f
}

func (f *fixture) restart() {
	f.Helper()
	c, err := imagecache.New(f.options)
	assert.NoError(f, err)
	f.cache = c
}

func (f *fixture) request(sha string) imagecache.Request {
	return imagecache.Request{Host: "h1", Pool: "default", URL: f.url, SHA256: sha}
}

func TestEnsure_ofAPoolThatIsNotThereTransfersNothing(t *testing.T) {
	f := newFixture(t, virttest.QCOW2(virtualSize))
	request := f.request(sum(virttest.QCOW2(virtualSize)))
	request.Pool = "absent"
	if _, err := f.cache.Ensure(t.Context(), f.host, request); !errors.Is(err, virt.ErrNoPool) || f.gets.Load() != 0 {
		t.Errorf("error is %v after %d downloads", err, f.gets.Load())
	}
}

func (f *fixture) ensure(sha string) (virt.Volume, error) {
	return f.cache.Ensure(f.Context(), f.host, f.request(sha))
}

func (f *fixture) mustEnsure(sha string) virt.Volume {
	f.Helper()
	v, err := f.ensure(sha)
	assert.NoError(f, err)
	return v
}

func (f *fixture) names() []string {
	names := []string{}
	for _, v := range f.host.Volumes("default") {
		names = append(names, v.Name)
	}
	return names
}

func TestEnsure_unpacksWhateverTheNameSays(t *testing.T) {
	image := virttest.QCOW2(virtualSize)
	raw := make([]byte, 1<<20)
	raw[510], raw[511] = 0x55, 0xaa
	for _, c := range []struct {
		name    string
		file    []byte
		want    []byte
		format  virt.VolumeFormat
		virtual int64
	}{
		{"qcow2 as it is", image, image, virt.VolumeQCOW2, virtualSize},
		{"a raw disk", raw, raw, virt.VolumeRaw, 1 << 20},
		{"xz", packed(t, image, func(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) }), image, virt.VolumeQCOW2, virtualSize},
		{"xz in two streams", slices.Concat(xzFile(t, image[:512], 22), xzFile(t, image[512:], 22)), image, virt.VolumeQCOW2, virtualSize},
		{"gzip", packed(t, image, func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil }), image, virt.VolumeQCOW2, virtualSize},
		{"zstd", packed(t, image, func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) }), image, virt.VolumeQCOW2, virtualSize},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t, c.file)
			v := f.mustEnsure(strings.ToUpper(sum(c.file)))
			if v.Format != c.format || v.CapacityBytes != c.virtual {
				t.Errorf("volume is %+v", v)
			}
			if got, _ := f.host.Content(v.VolumeRef); !bytes.Equal(got, c.want) {
				t.Errorf("volume holds %d bytes", len(got))
			}
			want := []string{"img-" + sum(c.file) + ".ok", "img-" + sum(c.file) + "." + string(c.format)}
			assert.Equal(t, want, f.names())
			if again := f.mustEnsure(sum(c.file)); again != v || f.gets.Load() != 1 || f.host.Calls(fakevirt.MethodWriteVolume) != 2 {
				t.Errorf("second call transferred again: %+v", again)
			}
			if found, err := f.cache.Lookup(t.Context(), f.host, f.request(sum(c.file))); err != nil || found != v {
				t.Errorf("lookup finds %+v, %v", found, err)
			}
		})
	}
}

func patched(change func(header []byte)) []byte {
	image := virttest.QCOW2(virtualSize)
	change(image)
	return image
}

// xzFile packs the image so that unpacking needs the dictionary that code stands for: 2 or 3 << (code/2 + 11) bytes.
func xzFile(t *testing.T, image []byte, code byte) []byte {
	t.Helper()
	file := packed(t, image, func(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) })
	const streamHeader, lzma2 = 12, 0x21
	block := file[streamHeader:]
	sum := (int(block[0])+1)*4 - 4
	if block[1] != 0 || block[2] != lzma2 {
		t.Fatalf("block header is % x", block[:sum])
	}
	block[4] = code
	binary.LittleEndian.PutUint32(block[sum:], crc32.ChecksumIEEE(block[:sum]))
	return file
}

func TestEnsure_boundsTheMemoryThatAnXZFileAsksFor(t *testing.T) {
	const small, most, tooMuch, all = 22, 32, 33, 40 // 8 MiB, 256 MiB, 384 MiB, 4 GiB
	image := virttest.QCOW2(virtualSize)
	allowed := xzFile(t, image, most)
	newFixture(t, allowed).mustEnsure(sum(allowed))
	half := len(image) / 2
	for name, file := range map[string][]byte{
		"at once":        xzFile(t, image, tooMuch),
		"as can be":      xzFile(t, image, all),
		"in a later one": slices.Concat(xzFile(t, image[:half], small), xzFile(t, image[half:], tooMuch)),
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, file)
			if _, err := f.ensure(sum(file)); !errors.Is(err, imagecache.ErrNotAnImage) {
				t.Errorf("error is %v", err)
			}
			f.wantNothing()
		})
	}
}

func TestEnsure_refusesWhatIsNotTheImage(t *testing.T) {
	image := virttest.QCOW2(virtualSize)
	be := binary.BigEndian
	for _, c := range []struct {
		name string
		file []byte
		sha  string
		want error
	}{
		{"a page", []byte("<html>not found</html>"), "", imagecache.ErrNotAnImage},
		{"nothing", nil, "", imagecache.ErrNotAnImage},
		{"a backing file", patched(func(h []byte) { be.PutUint64(h[8:], 512); be.PutUint32(h[16:], 11) }), "", imagecache.ErrNotAnImage},
		{"an external data file", patched(func(h []byte) { be.PutUint64(h[72:], 4) }), "", imagecache.ErrNotAnImage},
		{"encryption", patched(func(h []byte) { be.PutUint32(h[32:], 2) }), "", imagecache.ErrNotAnImage},
		{"version 1", patched(func(h []byte) { be.PutUint32(h[4:], 1) }), "", imagecache.ErrNotAnImage},
		{"no size", patched(func(h []byte) { be.PutUint64(h[24:], 0) }), "", imagecache.ErrNotAnImage},
		{"a cut header", image[:40], "", imagecache.ErrNotAnImage},
		{"broken gzip", []byte("\x1f\x8bgarbage that is no gzip"), "", imagecache.ErrNotAnImage},
		{"cut xz", packed(t, image, func(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) })[:90], "", imagecache.ErrNotAnImage},
		{"a malformed digest", image, "abc", imagecache.ErrInvalidRequest},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t, c.file)
			if c.sha == "" {
				c.sha = sum(c.file)
			}
			if _, err := f.ensure(c.sha); !errors.Is(err, c.want) {
				t.Errorf("error is %v", err)
			}
			f.wantNothing()
		})
	}
	t.Run("another file, packed or not", func(t *testing.T) {
		for _, file := range [][]byte{image, []byte("\x1f\x8bgarbage"), []byte("<html>")} {
			f := newFixture(t, file)
			want := &imagecache.DigestMismatchError{Want: strings.Repeat("0", 64), Got: sum(file)}
			_, err := f.ensure(want.Want)
			if got := (*imagecache.DigestMismatchError)(nil); !errors.As(err, &got) || *got != *want {
				t.Errorf("error is %v", err)
			}
			f.wantNothing()
		}
	})
	t.Run("the other format", func(t *testing.T) {
		f := newFixture(t, image)
		r := f.request(sum(image))
		r.Format = virt.VolumeRaw
		if _, err := f.cache.Ensure(t.Context(), f.host, r); !errors.Is(err, imagecache.ErrNotAnImage) {
			t.Errorf("error is %v", err)
		}
	})
}

// wantNothing asserts that neither host nor cache keeps anything of a refused file.
func (f *fixture) wantNothing() {
	f.Helper()
	if names := f.names(); len(names) > 0 {
		f.Errorf("host has %q", names)
	}
	if files, err := os.ReadDir(f.options.Dir); err != nil || len(files) > 0 {
		f.Errorf("cache has %v, %v", files, err)
	}
}

func TestEnsure_sourceErrorsHideCredentials(t *testing.T) {
	image := virttest.QCOW2(virtualSize)
	withSecrets := func(u string) string {
		return strings.Replace(u, "://", "://user:hunter2@", 1) + "?token=hunter2"
	}
	for _, c := range []struct {
		name   string
		serve  http.HandlerFunc
		url    func(string) string
		status int
	}{
		{"missing", http.NotFound, withSecrets, 404},
		{"nothing listens", nil, func(string) string { return withSecrets("http://127.0.0.1:1/x") }, 0},
		{"no such name", nil, func(string) string { return withSecrets("http://absent.invalid/x") }, 0},
		{"cut off", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(image)))
			_, _ = w.Write(image[:1000])
		}, withSecrets, 0},
		{"silent", func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write(image[:1000])
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, withSecrets, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t, nil)
			f.serve = c.serve
			if c.name == "silent" {
				f.options.IdleTimeout = 200 * time.Millisecond
				f.restart()
			}
			r := f.request(sum(image))
			r.URL = c.url(f.url)
			_, err := f.cache.Ensure(t.Context(), f.host, r)
			source := (*imagecache.SourceError)(nil)
			if !errors.As(err, &source) || source.Status != c.status {
				t.Fatalf("error is %v", err)
			}
			if strings.Contains(fmt.Sprint(err), "hunter2") {
				t.Errorf("error shows credentials: %v", err)
			}
			f.wantNothing()
		})
	}
}

func TestEnsure_fileURLs(t *testing.T) {
	image := virttest.QCOW2(virtualSize)
	f := newFixture(t, nil)
	outside := filepath.Join(t.TempDir(), "outside")
	inside := filepath.Join(f.options.FileRoot, "sub", "inside")
	link := filepath.Join(f.options.FileRoot, "link")
	err := errors.Join(os.WriteFile(outside, image, 0o600), os.Mkdir(filepath.Dir(inside), 0o700),
		os.WriteFile(inside, image, 0o600), os.Symlink(outside, link))
	assert.NoError(t, err)
	for path, ok := range map[string]bool{
		inside: true, outside: false, link: false, f.options.FileRoot: false,
		f.options.FileRoot + "/../" + filepath.Base(filepath.Dir(outside)) + "/outside": false,
	} {
		host := f.cloud.AddHost("h1")
		r := f.request(sum(image))
		r.URL = "file://" + path
		cache, err := imagecache.New(imagecache.Options{Dir: t.TempDir(), FileRoot: f.options.FileRoot})
		assert.NoError(t, err)
		if _, err := cache.Ensure(t.Context(), host, r); (err == nil) != ok {
			t.Errorf("%s: error is %v", path, err)
		}
	}
}

func TestEnsure_manyCallersShareTransfers(t *testing.T) {
	image := virttest.QCOW2(virtualSize)
	f := newFixture(t, image)
	hosts := []*fakevirt.Host{f.host, f.cloud.AddHost("h2"), f.cloud.AddHost("h3")}
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			r := f.request(sum(image))
			r.Host = hosts[i%3].Name()
			if _, err := f.cache.Ensure(t.Context(), hosts[i%3], r); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := f.gets.Load(); n != 1 {
		t.Errorf("%d downloads", n)
	}
	for _, h := range hosts {
		if n := h.Calls(fakevirt.MethodWriteVolume); n != 2 {
			t.Errorf("%d writes to %s", n, h.Name())
		}
	}
}

func TestEnsure_waitingEndsWithItsContext(t *testing.T) {
	image := virttest.QCOW2(virtualSize)
	f := newFixture(t, image)
	gate := make(chan struct{})
	f.host.Inject(fakevirt.MethodWriteVolume, fakevirt.Fault{Gate: gate, Times: 1})
	done := make(chan error, 1)
	go func() {
		_, err := f.ensure(sum(image))
		done <- err
	}()
	for f.host.Calls(fakevirt.MethodWriteVolume) == 0 {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := f.cache.Ensure(ctx, f.host, f.request(sum(image))); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error is %v", err)
	}
	close(gate)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestEnsure_anotherManagersUploadIsLeftUntilItIsAbandoned(t *testing.T) {
	image := virttest.QCOW2(virtualSize)
	sha := sum(image)
	f := newFixture(t, image)
	ref := virt.VolumeRef{Pool: "default", Name: "img-" + sha + ".qcow2"}
	for _, step := range []struct {
		size int
		wait time.Duration
		busy bool
	}{{1000, 0, true}, {1000, 29 * time.Second, true}, {2000, 5 * time.Second, true}, {2000, 29 * time.Second, true}, {2000, time.Second, false}} {
		assert.NoError(t, f.host.PutVolume(ref, virt.VolumeQCOW2, image[:step.size]))
		f.clock.SetTime(f.clock.Now().Add(step.wait))
		if _, err := f.ensure(sha); errors.Is(err, virt.ErrBusy) != step.busy || (!step.busy && err != nil) {
			t.Fatalf("after %+v error is %v", step, err)
		}
	}
	if got, _ := f.host.Content(ref); !bytes.Equal(got, image) {
		t.Error("the abandoned image was not replaced")
	}
}

func TestEnsure_anUploadUnderWayIsNotAbandoned(t *testing.T) {
	image := append(virttest.QCOW2(virtualSize), make([]byte, 1<<20)...)
	f := newFixture(t, image)
	content, feed := io.Pipe()
	uploaded := make(chan error, 1)
	go func() { // another manager
		ref := virt.VolumeRef{Pool: "default", Name: "img-" + sum(image) + ".qcow2"}
		_, err := f.host.WriteVolume(t.Context(), virt.VolumeSpec{VolumeRef: ref, Format: virt.VolumeQCOW2}, content, int64(len(image)))
		uploaded <- err
	}()
	for rest := image; len(rest) > 0; rest = rest[min(len(rest), 200<<10):] {
		if _, err := feed.Write(rest[:min(len(rest), 200<<10)]); err != nil {
			t.Fatal(err)
		}
		if _, err := f.ensure(sum(image)); !errors.Is(err, virt.ErrBusy) {
			t.Fatalf("error is %v", err)
		}
		f.clock.SetTime(f.clock.Now().Add(time.Minute))
	}
	_ = feed.Close()
	if err := <-uploaded; err != nil || f.host.Calls(fakevirt.MethodDeleteVolume) != 0 || f.gets.Load() != 0 {
		t.Errorf("error is %v after %d deletions and %d downloads", err, f.host.Calls(fakevirt.MethodDeleteVolume), f.gets.Load())
	}
}

func TestEnsure_resumesAfterAnyCrash(t *testing.T) {
	image := virttest.QCOW2(virtualSize)
	sha := sum(image)
	broken := errors.New("connection is gone")
	for _, method := range []fakevirt.Method{fakevirt.MethodListVolumes, fakevirt.MethodWriteVolume} {
		for call := range 3 {
			for _, after := range []bool{false, true} {
				t.Run(fmt.Sprintf("call %d of %s, effect %t", call, method, after), func(t *testing.T) {
					f := newFixture(t, image)
					for range call { // let the first calls pass
						f.host.Inject(method, fakevirt.Fault{Times: 1})
					}
					f.host.Inject(method, fakevirt.Fault{Err: broken, Times: 1, AfterEffect: after})
					for range 5 {
						if _, err := f.ensure(sha); err == nil {
							break
						}
						f.restart()
						_, _ = f.ensure(sha)
						f.clock.SetTime(f.clock.Now().Add(31 * time.Second))
					}
					f.host.ClearFaults()
					v := f.mustEnsure(sha)
					if got, _ := f.host.Content(v.VolumeRef); !bytes.Equal(got, image) || len(f.names()) != 2 {
						t.Errorf("host has %q", f.names())
					}
					if f.gets.Load() != 1 {
						t.Errorf("%d downloads: the spool was not used again", f.gets.Load())
					}
				})
			}
		}
	}
	t.Run("a marker without image is replaced", func(t *testing.T) {
		f := newFixture(t, image)
		f.host.DropVolume(f.mustEnsure(sha).VolumeRef)
		f.mustEnsure(sha)
	})
}

func TestCollect(t *testing.T) {
	image := virttest.QCOW2(virtualSize)
	sha := sum(image)
	f := newFixture(t, image)
	base := f.mustEnsure(sha)
	wanted := false
	collect := func(wait time.Duration) []string {
		t.Helper()
		f.clock.SetTime(f.clock.Now().Add(wait))
		removed, err := f.cache.Collect(t.Context(), f.host, imagecache.Collection{
			Host: "h1", Pool: "default", UnusedFor: time.Hour, Wanted: func(s string) bool { return wanted && s == sha },
		})
		assert.NoError(t, err)
		return removed
	}
	overlay := virt.VolumeSpec{VolumeRef: virt.VolumeRef{Pool: "default", Name: "o"}, Format: virt.VolumeQCOW2, Backing: &base.VolumeRef}
	if _, err := f.host.CreateVolume(t.Context(), overlay); err != nil {
		t.Fatal(err)
	}
	assert.NoError(t, f.host.PutVolume(virt.VolumeRef{Pool: "default", Name: "img-mine.qcow2"}, virt.VolumeQCOW2, image))
	collect(0)
	if got := collect(2 * time.Hour); len(got) > 0 {
		t.Fatalf("collected %q although it backs an overlay", got)
	}
	assert.NoError(t, f.host.DeleteVolume(t.Context(), overlay.VolumeRef))
	wanted = true
	collect(0)
	if got := collect(2 * time.Hour); len(got) > 0 {
		t.Fatalf("collected %q although it is wanted", got)
	}
	wanted = false
	collect(0)
	f.mustEnsure(sha) // using it starts the time again
	if got := collect(2 * time.Hour); len(got) > 0 {
		t.Fatalf("collected %q although it was just used", got)
	}
	if got := collect(59 * time.Minute); len(got) > 0 {
		t.Fatalf("collected %q too early", got)
	}
	assert.Equal(t, []string{sha}, collect(time.Minute))
	assert.Equal(t, []string{"img-mine.qcow2"}, f.names())
}

func TestCollect_keepsAnImageThatIsTakenInTheMeantime(t *testing.T) {
	image := virttest.QCOW2(virtualSize)
	f := newFixture(t, image)
	v := f.mustEnsure(sum(image))
	f.host.PutDomain(virt.Domain{UUID: "x", Name: "x", DiskPaths: []string{v.Path}})
	removed, err := f.cache.Collect(t.Context(), f.host, imagecache.Collection{
		Host: "h1", Pool: "default", Wanted: func(string) bool { return false },
	})
	if err != nil || len(removed) > 0 {
		t.Errorf("removed %q, %v", removed, err)
	}
	if found, err := f.cache.Lookup(t.Context(), f.host, f.request(sum(image))); err != nil || found != v {
		t.Errorf("lookup finds %+v, %v", found, err)
	}
}

func TestSpool_isBoundedAndPrivate(t *testing.T) {
	first, second := virttest.QCOW2(virtualSize), virttest.QCOW2(2*virtualSize)
	f := newFixture(t, first)
	f.options.MaxBytes = int64(len(first)) + 1000
	f.restart()
	f.mustEnsure(sum(first))
	f.serve = func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(second) }
	var progress []imagecache.Progress
	r := f.request(sum(second))
	r.Progress = func(p imagecache.Progress) { progress = append(progress, p) }
	if _, err := f.cache.Ensure(t.Context(), f.host, r); err != nil {
		t.Fatal(err)
	}
	size := int64(len(second))
	if last := progress[len(progress)-1]; last != (imagecache.Progress{Stage: imagecache.StageUpload, Done: size, Total: size}) {
		t.Errorf("last progress is %+v", last)
	}
	files, err := os.ReadDir(f.options.Dir)
	if err != nil || len(files) != 1 || files[0].Name() != sum(second)+".img" {
		t.Errorf("cache has %v, %v", files, err)
	}
	if info, err := os.Stat(f.options.Dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode is %v, %v", info.Mode(), err)
	}
	assert.NoError(t, os.WriteFile(filepath.Join(f.options.Dir, "x.part"), nil, 0o600))
	f.options.MaxBytes = 1000
	f.restart()
	if _, err := os.Stat(filepath.Join(f.options.Dir, "x.part")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("rest of an earlier process: %v", err)
	}
	other := f.cloud.AddHost("h2")
	r.Host, r.SHA256 = "h2", sum(first)
	f.serve = func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(first) }
	if _, err := f.cache.Ensure(t.Context(), other, r); !errors.Is(err, imagecache.ErrTooLarge) {
		t.Errorf("error is %v", err)
	}
}
