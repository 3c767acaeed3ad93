package bulk

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// keys are the primary and the secondary key that attestationmechanism shows.
type keys struct{ primary, secondary string }

// GomegaString tells keys apart in a red without showing them.
func (k keys) GomegaString() string {
	return fmt.Sprintf("keys with SHA-256 %.8x… and %.8x…", sha256.Sum256([]byte(k.primary)), sha256.Sum256([]byte(k.secondary)))
}

func (c collection) keysOf(ctx context.Context, t *harness.T, s *harness.Service, item harness.Members) keys {
	mechanism, err := s.Post(ctx, t, c.pathOf(item)+"/attestationmechanism", nil).JSON()
	t.Answered(err, "read the mechanism")
	shown, _ := mechanism["symmetricKey"].(harness.Members)
	primary, _ := shown["primaryKey"].(string)
	secondary, _ := shown["secondaryKey"].(string)
	return keys{primary, secondary}
}

// keyChecks are about symmetric keys of items that come without them.
var keyChecks = []harness.Check{{
	Requirement: "DPS-BULK-021",
	Title:       "a bulk update keeps the symmetric keys of items that were read without them",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, c := range both {
			made := c.stored(ctx, t, s)
			had := c.keysOf(ctx, t, s, made)
			for _, mode := range []string{"update", "updateIfMatchETag"} {
				read := c.read(ctx, t, s, made)
				applied(t, c.operate(ctx, t, s, mode, with(read, disabled)), mode)
				t.Expect(c.keysOf(ctx, t, s, made)).To(Equal(had), "%s of %s", mode, c.list)
			}
		}
	},
}, {
	Requirement: "DPS-BULK-022",
	Title:       "an item that is created without symmetric keys gets two",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		s := env.Service(ctx, t)
		for _, c := range both {
			item := with(c.record(t), harness.Members{"attestation": harness.Members{"type": "symmetricKey"}})
			applied(t, c.operate(ctx, t, s, "create", item), c.list)
			made := c.keysOf(ctx, t, s, item)
			for _, text := range []string{made.primary, made.secondary} {
				key, err := base64.StdEncoding.DecodeString(text)
				t.Expect(err).NotTo(HaveOccurred(), c.list)
				t.Expect(len(key)).To(BeNumerically(">=", 16), "%s: bytes of a key", c.list)
			}
			t.Expect(made.primary).NotTo(Equal(made.secondary), "%s: the two keys are one", c.list)
		}
	},
}}
