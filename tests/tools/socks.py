#!/usr/bin/env python3
"""A SOCKS5 proxy that knows onion addresses and says who asked for which.

socks.py ROUTES LOG     ROUTES has lines ONION HOST:PORT, read again for each request; LOG gets a line for each:
                        the user name, a tab, the address.  Prints HOST:PORT when it listens.
"""

import socket
import socketserver
import sys
import threading


def pump(one, other):
    try:
        while data := one.recv(65536):
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)
    except OSError:
        pass


class Handler(socketserver.BaseRequestHandler):
    def read(self, n):
        data = b""
        while len(data) < n:
            more = self.request.recv(n - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def text(self):
        return self.read(self.read(1)[0]).decode()

    def handle(self):
        try:
            methods = self.read(self.read(2)[1])
            if 2 not in methods:
                self.request.sendall(b"\5\xff")
                return
            self.request.sendall(b"\5\2")
            self.read(1)
            user, _ = self.text(), self.text()
            self.request.sendall(b"\1\0")
            if self.read(4) != b"\5\1\0\3":
                return
            name = self.text()
            self.read(2)
        except EOFError:
            return
        with open(sys.argv[2], "a") as f:
            print(user, name, sep="\t", file=f)
        routes = dict(line.split() for line in open(sys.argv[1]))
        if name not in routes:
            self.request.sendall(b"\5\4\0\1\0\0\0\0\0\0")
            return
        host, port = routes[name].split(":")
        try:
            with socket.create_connection((host, int(port))) as there:
                self.request.sendall(b"\5\0\0\1\0\0\0\0\0\0")
                back = threading.Thread(target=pump, args=(there, self.request), daemon=True)
                back.start()
                pump(self.request, there)
                back.join()
        except OSError:
            pass


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 64


server = Server(("127.0.0.1", 0), Handler)
print("127.0.0.1:%d" % server.server_address[1], flush=True)
server.serve_forever()
