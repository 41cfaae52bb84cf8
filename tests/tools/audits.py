#!/usr/bin/env python3
"""The clock of relays' audits, for tests: an audit's time is over as soon as its outcome is certain.

audits.py DROPPER TIMES HOME ...   until it is killed.  At each relay of these homes: an audit that came back is over, and
                                   so is one whose packet the relay of the home DROPPER has in its table `dropped`; each
                                   peer's TIMES times, the dropper's until there is a vote on him, one at once after another.
"""

import base64
import os
import sqlite3
import sys
import time

POSTED = "until < 9000000000000000000 AND until > 1"


def rows(home, sql, *args):
    db = sqlite3.connect(home + "/relay.db", timeout=60, isolation_level=None)
    try:
        return db.execute(sql, args).fetchall()
    finally:
        db.close()


def server(home):
    with open(home + "/tor/service/hostname") as f:
        return f.read().strip()


def key(home):
    return base64.b32decode(server(home)[:56].upper())[:32]


def over(home, dropper, dropped, times):
    """True when something is to be done by the relay."""
    busy = False
    for hash_, came, peer, judged, vote in rows(
            home, "SELECT hash, came, server, audits, vote FROM audit JOIN peer ON peer = id WHERE " + POSTED):
        is_dropper = peer == dropper
        if (came or (is_dropper and hash_ in dropped)) and (judged < times or (is_dropper and not vote)):
            rows(home, "UPDATE audit SET until = 1 WHERE hash = ?", hash_)
            busy = True
    waits = "server = ? AND vote = 0 AND audit > 1 AND NOT EXISTS (SELECT 1 FROM audit WHERE peer = id)"
    if rows(home, "SELECT 1 FROM peer WHERE " + waits, dropper):
        rows(home, "UPDATE peer SET audit = 1 WHERE " + waits, dropper)
        busy = True
    return busy


def main(dropper, times, *homes):
    name = key(dropper)
    while True:
        dropped = {h for h, in rows(dropper, "SELECT hash FROM dropped")}
        for home in homes:
            if over(home, name, dropped, int(times)):
                os.utime(home + "/run/relay-flood")
        time.sleep(0.1)


main(*sys.argv[1:])
