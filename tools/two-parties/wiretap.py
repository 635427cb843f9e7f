#!/usr/bin/env python3
"""Carries TCP connections to an address, and keeps every byte of both directions: what whoever is on the way sees.

usage: wiretap.py HOST:PORT FILE
Prints `listening on HOST:PORT` on standard error. HOST:PORT may be given as @FILE, which is read at each connection.
"""

import socket
import sys
import threading


def address(text):
    if text.startswith("@"):
        with open(text[1:], encoding="utf-8") as file:
            text = file.read().strip()
    host, port = text.rsplit(":", 1)
    return host, int(port)


def carry(source, sink, kept):
    try:
        while chunk := source.recv(65536):
            kept.write(chunk)
            kept.flush()
            sink.sendall(chunk)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def serve(client, to, kept):
    with client:
        try:
            server = socket.create_connection(address(to))
        except OSError:
            return
        with server:
            back = threading.Thread(target=carry, args=(server, client, kept), daemon=True)
            back.start()
            carry(client, server, kept)
            back.join()


def main():
    to, path = sys.argv[1:]
    kept = open(path, "ab")
    listener = socket.create_server(("127.0.0.1", 0))
    print("listening on {}:{}".format(*listener.getsockname()), file=sys.stderr, flush=True)
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve, args=(client, to, kept), daemon=True).start()


main()
