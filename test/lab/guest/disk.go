// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

const (
	sectorSize     = 512
	partitionStart = 1 << 20 // bytes: what GRUB's core image may use lies before it
	diskSize       = 10 << 30
	bootCodeSize   = 440 // of the first sector; the disk signature and the partition table follow
	grubModuleDir  = "/usr/lib/grub/i386-pc"
)

// makeDisk turns the tree root into the compressed disk image target, using work for what is in between.
func makeDisk(ctx context.Context, root, work, target string) error {
	raw := filepath.Join(work, "disk.raw")
	if err := os.WriteFile(raw, nil, 0o644); err != nil {
		return fmt.Errorf("create disk: %w", err)
	}
	if err := os.Truncate(raw, diskSize); err != nil {
		return fmt.Errorf("size disk: %w", err)
	}
	// Few inodes, all initialised: the guest must not spend its first minutes on zeroing tables.
	blocks := fmt.Sprintf("%dk", (diskSize-partitionStart)>>10)
	if err := run(ctx, "mke2fs", "-q", "-F", "-t", "ext4", "-L", "boot", "-i", "65536", "-m", "0", "-d", root,
		"-E", fmt.Sprintf("offset=%d,lazy_itable_init=0,lazy_journal_init=0,nodiscard", partitionStart), raw, blocks); err != nil {
		return err
	}
	if err := installGRUB(ctx, work, raw); err != nil {
		return err
	}
	if err := run(ctx, "qemu-img", "convert", "-O", "qcow2", "-c", "-o", "compression_type=zstd", "-m", "4", "-W", raw, target); err != nil {
		return err
	}
	return os.Remove(raw)
}

// installGRUB writes the boot sector with a partition table, and GRUB's core image behind it.
func installGRUB(ctx context.Context, work, raw string) error {
	core := filepath.Join(work, "core.img")
	if err := run(ctx, "grub-mkimage", "-O", "i386-pc", "-d", grubModuleDir, "-p", "(hd0,msdos1)/boot/grub", "-o", core,
		"biosdisk", "part_msdos", "ext2", "serial", "terminal", "linux", "normal", "configfile", "test"); err != nil {
		return err
	}
	first, err := os.ReadFile(filepath.Join(grubModuleDir, "boot.img"))
	if err != nil {
		return fmt.Errorf("read GRUB's boot sector: %w", err)
	}
	stage, err := os.ReadFile(core)
	if err != nil {
		return fmt.Errorf("read GRUB's core image: %w", err)
	}
	if len(first) < bootCodeSize || len(stage) > partitionStart-sectorSize {
		return fmt.Errorf("install GRUB: boot sector of %d bytes, core image of %d: %w", len(first), len(stage), io.ErrShortWrite)
	}
	disk, err := os.OpenFile(raw, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("open disk: %w", err)
	}
	if _, err := disk.WriteAt(bootSector(first[:bootCodeSize]), 0); err != nil {
		_ = disk.Close()
		return fmt.Errorf("write boot sector: %w", err)
	}
	if _, err := disk.WriteAt(stage, sectorSize); err != nil {
		_ = disk.Close()
		return fmt.Errorf("write GRUB's core image: %w", err)
	}
	return disk.Close()
}

// bootSector returns a first sector with the code and one active Linux partition from partitionStart to the end.
func bootSector(code []byte) []byte {
	const (
		signature, table, mark  = 0x1b8, 0x1be, 0x1fe
		active, linuxFilesystem = 0x80, 0x83
	)
	sector := make([]byte, sectorSize)
	copy(sector, code)
	binary.LittleEndian.PutUint32(sector[signature:], 0xa17c0500)
	entry := sector[table : table+16]
	entry[0], entry[4] = active, linuxFilesystem
	for _, at := range []int{1, 5} { // cylinder, head, sector: beyond what they can express
		entry[at], entry[at+1], entry[at+2] = 0xfe, 0xff, 0xff
	}
	binary.LittleEndian.PutUint32(entry[8:], partitionStart/sectorSize)
	binary.LittleEndian.PutUint32(entry[12:], (diskSize-partitionStart)/sectorSize)
	binary.LittleEndian.PutUint16(sector[mark:], 0xaa55)
	return sector
}

// digestFile returns the SHA-256 of a file in hexadecimal.
func digestFile(path string) (string, error) {
	input, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("digest image: %w", err)
	}
	defer input.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, input); err != nil {
		return "", fmt.Errorf("digest image %q: %w", path, err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
