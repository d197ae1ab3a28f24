// Package rig starts a Hale of its own for a measurement and meters it: what
// it, its database and the machine used, and what the host took away.
package rig

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	mrand "math/rand/v2"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
)

// House is an installation of Hale in a folder of its own, on an engine.
type House struct {
	Binary, Folder, Engine, Database, Addr string
	Env                                    []string // more settings of its commands

	Served *exec.Cmd
}

// NewHouse makes an empty installation of binary on engine.
func NewHouse(ctx context.Context, binary, engine string, env ...string) (*House, error) {
	folder, err := os.MkdirTemp("", "hale-load")
	if err != nil {
		return nil, err
	}
	h := &House{Binary: binary, Folder: folder, Engine: engine, Env: env}
	if h.Addr, err = FreeAddr(); err != nil {
		return nil, err
	}
	if engine == "postgres" {
		if h.Database, err = NewDatabase(ctx); err != nil {
			return nil, err
		}
	}
	_, err = h.Hale(ctx, "init")
	return h, err
}

// Data is the folder with the key and the SQLite file.
func (h *House) Data() string { return filepath.Join(h.Folder, "data") }

// FreeAddr returns an address of this machine where nobody listens now: the
// server has to know it before it starts, for tokens name it.
func FreeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// NewDatabase makes a database beside the one that HALE_TEST_POSTGRES names.
func NewDatabase(ctx context.Context) (string, error) {
	address := os.Getenv("HALE_TEST_POSTGRES")
	if address == "" {
		return "", errors.New("HALE_TEST_POSTGRES names no server: run this by internal/haletest/withpg")
	}
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	name := fmt.Sprintf("load_%d", mrand.Uint32())
	if _, err := conn.Exec(ctx, "create database "+name); err != nil {
		return "", err
	}
	u, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	u.Path = "/" + name
	return u.String(), nil
}

// Hale runs a command of hale to its end and returns what it printed.
func (h *House) Hale(ctx context.Context, args ...string) (string, error) {
	out, err := h.Command(ctx, args...).Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return "", fmt.Errorf("hale %s: %w: %s", args[0], err, exit.Stderr)
	}
	return string(out), err
}

// Command is a command of hale on this installation, not begun.
func (h *House) Command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, h.Binary, args...)
	cmd.Env = append(os.Environ(), "HALE_DATA="+h.Data(), "HALE_DATABASE="+h.Database, "HALE_URL=http://"+h.Addr)
	cmd.Env = append(cmd.Env, h.Env...)
	return cmd
}

// Serve starts `hale serve`, and returns when it answers.
func (h *House) Serve(ctx context.Context) error {
	h.Served = h.Command(ctx, "serve", "--addr", h.Addr)
	h.Served.Stderr = os.Stderr
	h.Served.Cancel = func() error { return h.Served.Process.Signal(syscall.SIGTERM) }
	out, err := h.Served.StdoutPipe()
	if err != nil {
		return err
	}
	if err := h.Served.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "ready ") {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return nil
		}
	}
	return errors.Join(errors.New("hale serve ended before it was ready"), h.Served.Wait())
}

// PID is the process that serves.
func (h *House) PID() int { return h.Served.Process.Pid }

// Halt ends what serves, if anything does, and leaves the installation.
func (h *House) Halt() error {
	if h.Served == nil || h.Served.Process == nil {
		return nil
	}
	_ = h.Served.Process.Signal(syscall.SIGTERM)
	err := h.Served.Wait()
	h.Served = nil
	return err
}

// Stop ends what serves and takes the folder away.
func (h *House) Stop() error { return errors.Join(h.Halt(), os.RemoveAll(h.Folder)) }
