//go:build !linux

package lab

import "syscall"

// Only Linux ends a child with its parent; elsewhere Close does.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
