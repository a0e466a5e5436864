"""A host that speaks RSVP by hand: sends the whole IPv4 packets that come as hexadecimal lines of standard input, and
prints the RSVP packets that reach it, router alert or not, in the same form.
"""
import selectors
import socket
import sys

receiver = socket.socket(socket.AF_INET, socket.SOCK_RAW, 46)
sender = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
ready = selectors.DefaultSelector()
ready.register(receiver, selectors.EVENT_READ)
ready.register(sys.stdin, selectors.EVENT_READ)
print("listening", flush=True)
while True:
    for key, _ in ready.select():
        if key.fileobj is receiver:
            print(receiver.recv(65536).hex(), flush=True)
            continue
        line = sys.stdin.readline()
        if line == "":
            sys.exit()
        packet = bytes.fromhex(line.strip())
        sender.sendto(packet, (socket.inet_ntoa(packet[16:20]), 0))
