// Package harness is what checks are written with.
//
// A Check verifies one requirement and reads like it. It makes a service, says what must
// hold before the requirement can be tried, does the one thing, and asserts what the
// requirement says:
//
//	var wrongKey = harness.Check{
//		Requirement: "DPS-SAS-009",
//		Title:       "a token signed with another key is refused",
//		Transports:  harness.OverAll,
//		Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
//			device := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
//			t.Given("the device is accepted with its own key", func() {
//				t.Expect(device.Try(ctx, t)).To(harness.BeAccepted())
//			})
//			liar := device.With(func(id *devwire.Identity) { id.Key = harness.Key() })
//			t.Expect(liar.Try(ctx, t)).To(harness.BeRefused())
//		},
//	}
//
// Rules for checks:
//
//   - A refusal is worth nothing without its positive twin: first Given that the target
//     accepts, then the refusal. Otherwise a dead target would pass.
//   - Nothing is shared. Env.Service, Env.Hub and what they make are new for each run and
//     removed after it; T.Name never returns the same name twice. No check is serial.
//   - Set-up is lenient, assertions are exact. A helper takes any success, so that a target
//     which answers 201 for 200 fails the check of the 200 and no other.
//   - T.Transport says what the run is over; helpers follow it by themselves.
//   - No check sleeps. Wait for an event (Packets.Next, T.Eventually, Hub.Telemetry), for
//     silence (Packets.ExpectSilence), or move the target's clock (Service.Advance).
//   - Waits are fields of Env.Timeouts and nowhere else.
//   - Requests to the service API go through Service.Do and its short forms, to a hub's
//     through Hub.Do: they clean up.
//
// A check may go below the helpers: Env.Wire has the whole client half, and records into
// the exchange of this run. What it reaches there it passes to T.Answered.
//
// Checks outside of this module are written in the same way. They verify requirements of
// their own (Check.Own), write wire.Identity where those here write devwire.Identity, since
// packages suites/wire and suites/control name what they cannot import, and are handed to
// suites.Register or engine.Run; docs/examples/embed is a module that does.
//
// A target need not have a service API. What a check then gets is enrolled already (the
// target file's enrollments) or enrolled by a hook, a command that is given
//
//	{"kind": "individual", "registrationId": "dpslab-…", "attestation": {"type": "symmetricKey", …}}
//
// and answers with the record as a PUT would: by the same id and keys or by others. Kinds are
// individual, group and hubIdentity; delete_enrollment is given the kind and the id. Exit
// code 3 says that such a record cannot be made there, and skips the check. A check that asks
// the service API itself is skipped at that moment.
//
// A check ends in one of the outcomes of package reports. Which of T's words leads to
// which is told at T. A red carries what passed over the wire in that run: the client's
// record, and the server's where the target is a lab.
package harness
