#!/usr/bin/python3
"""A desktop as far as notify-send knows it, in a session bus of its own.

Prints the bus's address, then each notification; ends with its stdin.
"""

import os

import dbus
import dbus.service
from dbus.mainloop.glib import DBusGMainLoop
from gi.repository import GLib

NAME = "org.freedesktop.Notifications"


class Notifications(dbus.service.Object):
    @dbus.service.method(NAME, out_signature="ssss")
    def GetServerInformation(self):
        return "desktop", "mailmirror", "1", "1.2"

    @dbus.service.method(NAME, out_signature="as")
    def GetCapabilities(self):
        return ["body"]

    @dbus.service.method(NAME, in_signature="susssasa{sv}i",
                         out_signature="u")
    def Notify(self, _name, _replaces, _icon, summary, _body, _actions,
               _hints, _timeout):
        print(summary, flush=True)
        return 1


def main():
    DBusGMainLoop(set_as_default=True)
    bus = dbus.SessionBus()
    name = dbus.service.BusName(NAME, bus)
    loop = GLib.MainLoop()
    GLib.io_add_watch(0, GLib.IO_HUP, lambda *_: loop.quit())
    Notifications(name, "/org/freedesktop/Notifications")
    print(os.environ["DBUS_SESSION_BUS_ADDRESS"], flush=True)
    loop.run()


main()
