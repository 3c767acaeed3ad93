package harness

import (
	"context"
	"time"

	"github.com/onsi/gomega"
	"github.com/onsi/gomega/types"
)

// counted is an assertion that the ledger counts when it is made: an Expect without a To
// verifies nothing and counts for nothing.
type counted struct {
	gomega.Assertion
	t *T
}

func (c counted) Should(m types.GomegaMatcher, d ...any) bool {
	c.t.count()
	return c.Assertion.Should(m, d...)
}

func (c counted) ShouldNot(m types.GomegaMatcher, d ...any) bool {
	c.t.count()
	return c.Assertion.ShouldNot(m, d...)
}

func (c counted) To(m types.GomegaMatcher, d ...any) bool    { return c.Should(m, d...) }
func (c counted) ToNot(m types.GomegaMatcher, d ...any) bool { return c.ShouldNot(m, d...) }
func (c counted) NotTo(m types.GomegaMatcher, d ...any) bool { return c.ShouldNot(m, d...) }

func (c counted) WithOffset(n int) gomega.Assertion { return counted{c.Assertion.WithOffset(n), c.t} }
func (c counted) Error() gomega.Assertion           { return counted{c.Assertion.Error(), c.t} }

// countedAsync is the same for what is asserted until it holds.
type countedAsync struct {
	gomega.AsyncAssertion
	t *T
}

func (c countedAsync) Should(m types.GomegaMatcher, d ...any) bool {
	c.t.count()
	return c.AsyncAssertion.Should(m, d...)
}

func (c countedAsync) ShouldNot(m types.GomegaMatcher, d ...any) bool {
	c.t.count()
	return c.AsyncAssertion.ShouldNot(m, d...)
}

func (c countedAsync) To(m types.GomegaMatcher, d ...any) bool    { return c.Should(m, d...) }
func (c countedAsync) ToNot(m types.GomegaMatcher, d ...any) bool { return c.ShouldNot(m, d...) }
func (c countedAsync) NotTo(m types.GomegaMatcher, d ...any) bool { return c.ShouldNot(m, d...) }

func (c countedAsync) with(a gomega.AsyncAssertion) gomega.AsyncAssertion {
	return countedAsync{a, c.t}
}

func (c countedAsync) WithOffset(n int) gomega.AsyncAssertion {
	return c.with(c.AsyncAssertion.WithOffset(n))
}
func (c countedAsync) WithTimeout(d time.Duration) gomega.AsyncAssertion {
	return c.with(c.AsyncAssertion.WithTimeout(d))
}
func (c countedAsync) WithPolling(d time.Duration) gomega.AsyncAssertion {
	return c.with(c.AsyncAssertion.WithPolling(d))
}
func (c countedAsync) Within(d time.Duration) gomega.AsyncAssertion {
	return c.with(c.AsyncAssertion.Within(d))
}
func (c countedAsync) ProbeEvery(d time.Duration) gomega.AsyncAssertion {
	return c.with(c.AsyncAssertion.ProbeEvery(d))
}
func (c countedAsync) WithContext(ctx context.Context) gomega.AsyncAssertion {
	return c.with(c.AsyncAssertion.WithContext(ctx))
}
func (c countedAsync) WithArguments(args ...any) gomega.AsyncAssertion {
	return c.with(c.AsyncAssertion.WithArguments(args...))
}
func (c countedAsync) MustPassRepeatedly(n int) gomega.AsyncAssertion {
	return c.with(c.AsyncAssertion.MustPassRepeatedly(n))
}
