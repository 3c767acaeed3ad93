//go:build !unix

package containers

import "syscall"

// apart would give a child a session of its own; here there are none.
var apart *syscall.SysProcAttr
