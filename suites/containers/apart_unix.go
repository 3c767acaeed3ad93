//go:build unix

package containers

import "syscall"

// apart gives a child a session of its own, so that what ends ours does not end it.
var apart = &syscall.SysProcAttr{Setsid: true}
