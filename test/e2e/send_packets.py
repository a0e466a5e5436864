"""Sends whole IPv4 packets, one a line of standard input as hexadecimal digits; prints how many."""
import socket
import sys
import time

sender = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
sent = 0
for line in sys.stdin:
    packet = bytes.fromhex(line.strip())
    sender.sendto(packet, (socket.inet_ntoa(packet[16:20]), 0))
    sent += 1
    if sent % 32 == 0:
        time.sleep(0.002)
print(sent)
