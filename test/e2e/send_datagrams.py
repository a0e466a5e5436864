"""Sends UDP datagrams of 1,000 bytes: send_datagrams.py SOURCE DESTINATION PORT COUNT [SOURCE_PORT]; without the last the port
is that of both ends."""
import socket
import sys
import time

source, destination, port, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sender.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
sender.bind((source, int(sys.argv[5]) if len(sys.argv) > 5 else port))
for n in range(count):
    sender.sendto(bytes(1000), (destination, port))
    time.sleep(0.001)
print(count)
