"""Sends whole IPv4 packets, one a line of standard input as hexadecimal digits; prints how many.

With --flood without a pause, and prints the seconds it took, too.
"""
import socket
import sys
import time

sender = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
packets = [bytes.fromhex(line.strip()) for line in sys.stdin]
addresses = [(socket.inet_ntoa(packet[16:20]), 0) for packet in packets]
flood = "--flood" in sys.argv
started = time.perf_counter()
for sent, (packet, address) in enumerate(zip(packets, addresses), 1):
    sender.sendto(packet, address)
    if not flood and sent % 32 == 0:
        time.sleep(0.002)
print(len(packets), time.perf_counter() - started if flood else "")
