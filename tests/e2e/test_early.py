#!/usr/bin/python3
"""A second start: what is known of the server saves round trips."""

import re

from lab import case, fake, messages

EXTENSIONS = " CONDSTORE QRESYNC"


class Early(case.Fake):
    """A daemon that was here before, on a server that waits."""

    def begin(self, **more):
        self.serve(3, capabilities=fake.CAPABILITIES + EXTENSIONS,
                   greeting="* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi",
                   **more)
        self.server.modseq = 7
        self.mirrored, daemon = self.watching()
        daemon.wait_line("the same as the server")
        daemon.stop()
        self.begun = len(self.server.log)

    def said_again(self):
        return [line for _, line in self.server.log[self.begun:]]

    def again(self):
        daemon = self.start(self.mirrored)
        self.server.deliver(messages.make(9, size=300))
        self.wait_uids(daemon, self.mirrored, self.uids())
        return daemon

    def test_all_goes_out_with_the_login(self):
        """The server answers nothing before it has read IDLE."""
        self.begin()

        def wait(session, tag, name, rest):
            if name == "AUTHENTICATE":
                while b" IDLE\r\n" not in session.buffer:
                    session._receive()
            return None
        self.server.hook = wait
        daemon = self.start(self.mirrored)
        daemon.wait_until(
            lambda: [line for line in self.said_again()
                     if re.search(" IDLE$", line)], "IDLE")
        names = [line.split(" ")[1] for line in self.said_again()]
        self.assertEqual(names[:1] + names[-2:],
                         ["AUTHENTICATE", "EXAMINE", "IDLE"])

    def test_a_refused_login_is_tried_step_by_step(self):
        self.begin()
        refused = []

        def refuse(session, tag, name, rest):
            if name == "AUTHENTICATE" and not refused:
                refused.append(session)
                return [tag + " NO [AUTHENTICATIONFAILED] not like this"]
            return None
        self.server.hook = refuse
        self.again()

    def test_a_server_that_offers_less_now(self):
        self.begin()
        self.server.capabilities = fake.CAPABILITIES

        def refuse(session, tag, name, rest):
            if name == "ENABLE" or "QRESYNC" in rest:
                return [tag + " BAD what is that?"]
            return None
        self.server.hook = refuse
        self.server.modseq = 0
        daemon = self.again()
        daemon.stop()
        self.begun = len(self.server.log)
        self.again()
        self.assertFalse([line for line in self.said_again()
                          if "QRESYNC" in line])

    def test_a_server_that_hangs_up_on_haste(self):
        self.begin()

        def hang_up(session, tag, name, rest):
            if name == "AUTHENTICATE" and b"\r\n" in session.buffer:
                raise fake.Closed
            return None
        self.server.hook = hang_up
        self.again()


if __name__ == "__main__":
    case.main()
