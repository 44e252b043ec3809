"""Whole IPv4 packets, sent as they are given and shown as they arrive, driven by lines of JSON on standard input.

Requests: {"send": [hex, ...]} to where each is addressed; the kernel writes the checksum of the header alone
        | {"until": hex} what has arrived since it was asked last, up to the packet that has these octets in it
"""

import json
import queue
import socket
import sys
import threading

PATIENCE_SECONDS = 60
ETH_P_IP = 0x0800

arrived = queue.Queue()
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
# As they come off the wire: fragments are not put together yet.
wire = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP))
wire.bind(("eth0", ETH_P_IP))


def note():
    while True:
        packet, sender = wire.recvfrom(65535)
        if sender[2] != socket.PACKET_OUTGOING:
            arrived.put(packet)


def until(marker):
    packets = []
    while not packets or marker not in packets[-1]:
        packets.append(arrived.get(timeout=PATIENCE_SECONDS))
    return [packet.hex() for packet in packets]


def carry_out(request):
    if "until" in request:
        return until(bytes.fromhex(request["until"]))
    for packet in map(bytes.fromhex, request["send"]):
        raw.sendto(packet, (socket.inet_ntoa(packet[16:20]), 0))
    return True


threading.Thread(target=note, daemon=True).start()
for line in sys.stdin:
    print(json.dumps(carry_out(json.loads(line))), flush=True)
