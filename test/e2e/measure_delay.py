"""One-way delays of UDP packets between two namespaces of one machine, whose clock is the same.

receive PORT                         prints `ready`, then as JSON how many packets came and the worst delay in microseconds
send ADDRESS PORT ADDRESS PORT COUNT SIZE BURST PERIOD
                                     BURST packets of SIZE bytes (IP header included) every PERIOD microseconds, COUNT bursts
"""
import json
import socket
import struct
import sys
import time

SO_TIMESTAMPNS = 35
HEADERS = 28
END = b"end"


def receive(port):
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    # The kernel's time of arrival: when this process is scheduled does not count.
    receiver.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    receiver.bind(("", port))
    receiver.settimeout(10)
    print("ready", flush=True)
    count, worst = 0, 0
    while True:
        data, control, _, _ = receiver.recvmsg(2048, 256)
        if data == END:
            break
        arrival = next(struct.unpack("qq", each) for level, kind, each in control if kind == SO_TIMESTAMPNS)
        (sent,) = struct.unpack_from("q", data)
        count += 1
        worst = max(worst, arrival[0] * 10**9 + arrival[1] - sent)
    print(json.dumps({"count": count, "worstMicros": worst / 1000}), flush=True)


def send(source, destination, bursts, size, burst, period):
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.bind(source)
    padding = bytes(size - HEADERS - 8)
    due = time.monotonic()
    for _ in range(bursts):
        for _ in range(burst):
            sender.sendto(struct.pack("q", time.clock_gettime_ns(time.CLOCK_REALTIME)) + padding, destination)
        # From now on, not from when it was due: a sender that was late must not catch up with a larger burst.
        due = max(due + period / 1e6, time.monotonic() + period / 1e6)
        time.sleep(due - time.monotonic())
    for _ in range(20):
        sender.sendto(END, destination)
        time.sleep(0.05)


if sys.argv[1] == "receive":
    receive(int(sys.argv[2]))
else:
    numbers = [int(each) for each in sys.argv[6:10]]
    send((sys.argv[2], int(sys.argv[3])), (sys.argv[4], int(sys.argv[5])), *numbers)
