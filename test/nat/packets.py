"""Packets as no ordinary program sends them, from sockets of one host, driven by lines of JSON on standard input.

Requests: {"udp": [[own, port], [to, port]], "ttl": 3, "octets": 1472} asks whoever listens there, not to be fragmented
        | {"fragments": [[own, port], [to, port]], "octets": 4000, "order": [2, 0, 1]} the same in fragments in that order
        | {"tcp": [[own, port], [to, port]], "octets": 100000} sends so many, and is sent as many
        | {"listen": [own, port]} answers all of these; {"heard": port} is what it was told last
        | {"sums": true} says how many ICMP errors came over IPv4 since it was asked, and in how many a checksum is wrong
        | {"open": [[own, port], [to, port]]} connects, and stays so until | {"close": [[own, port], [to, port]]},
          or until it is asked by
With "text" in place of "octets" that is what is sent. The answer to what asks is {"seen": "address:port octets"}, or {"error": [type, code, sender, mtu]} as ICMP said it.
"""

import json
import queue
import select
import socket
import struct
import sys
import threading
import time

PATIENCE_SECONDS = 30
IP_PMTUDISC_DO = 2
# Of IPv4 and IPv6: level, time to live, path MTU discovery, errors, and where in an error its sender stands.
OPTIONS = {
    socket.AF_INET: (socket.SOL_IP, socket.IP_TTL, 10, 11, slice(20, 24)),
    socket.AF_INET6: (socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, 23, 25, slice(24, 40)),
}
# Offset and length of what stands behind the header in each fragment, in units of 8 octets.
FRAGMENT_OCTETS = 1024


heard = {}


def family_of(endpoint):
    return socket.AF_INET6 if ":" in endpoint[0] else socket.AF_INET


def seen(sender, octets):
    return f"{sender[0]}:{sender[1]} {octets}"


def share_port(tcp):
    """Several sockets may have one own port, as long as their other ends differ."""
    for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
        tcp.setsockopt(socket.SOL_SOCKET, option, 1)


def listen(own, port):
    family = family_of([own])
    udp = socket.socket(family, socket.SOCK_DGRAM)
    udp.bind((own, port))
    # Answers are fragmented where they have to be: they are small.
    tcp = socket.socket(family, socket.SOCK_STREAM)
    share_port(tcp)
    tcp.bind((own, port))
    tcp.listen()

    def answer_udp():
        while True:
            data, sender = udp.recvfrom(65535)
            heard[port] = data.decode()
            udp.sendto(seen(sender, len(data)).encode(), sender)

    def answer_tcp():
        while True:
            connection, sender = tcp.accept()
            threading.Thread(target=echo, args=(connection, sender, port), daemon=True).start()

    for answer in (answer_udp, answer_tcp):
        threading.Thread(target=answer, daemon=True).start()


def echo(connection, sender, port):
    head = bytearray()
    count = read_all(connection, head)
    heard[port] = head.decode()
    connection.sendall(f"{seen(sender, count)}\n".encode() + b"x" * count)
    connection.close()


def read_all(connection, head):
    """Reads to the end; returns how many octets there were, of which the first line goes into `head`."""
    count = 0
    while data := connection.recv(65536):
        count += len(data)
        if b"\n" not in head:
            head.extend(data)
    return count


def icmp_error(udp):
    """What the kernel took for an error of this very socket, by the packet within: struct sock_extended_err."""
    _, ancillary, _, _ = udp.recvmsg(65535, 512, socket.MSG_ERRQUEUE | socket.MSG_DONTWAIT)
    _, _, _, errors, sender = OPTIONS[udp.family]
    for _, kind, data in ancillary:
        if kind == errors:
            _, _, code_type, code, _, info = struct.unpack_from("=IBBBBI", data)
            return [code_type, code, socket.inet_ntop(udp.family, data[sender]), info]
    return None


def answer_or_error(udp, send):
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        try:
            send()
        except OSError:
            pass
        poll = select.poll()
        poll.register(udp, select.POLLIN | select.POLLERR)
        for _, events in poll.poll(500):
            if events & select.POLLERR:
                return {"error": icmp_error(udp)}
            return {"seen": udp.recv(65535).decode()}
    return {"seen": None}


def bound(own, ttl=64):
    udp = socket.socket(family_of(own), socket.SOCK_DGRAM)
    level, hops, discovery, errors, _ = OPTIONS[udp.family]
    udp.setsockopt(level, hops, ttl)
    udp.setsockopt(level, discovery, IP_PMTUDISC_DO)
    udp.setsockopt(level, errors, 1)
    udp.bind(tuple(own))
    return udp


def ask_udp(own, to, data, ttl):
    with bound(own, ttl) as udp:
        udp.connect(tuple(to))
        return answer_or_error(udp, lambda: udp.send(data))


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def fragment4(addresses, identification, place, more, part):
    flags = (0x2000 if more else 0) | place
    return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(part), identification, flags, 64, 17, 0) + addresses + part


def fragment6(addresses, identification, place, more, part):
    ip = struct.pack("!IHBB", 0x60000000, 8 + len(part), 44, 64) + addresses
    return ip + struct.pack("!BBHI", 17, 0, place << 3 | more, identification) + part


def ask_in_fragments(own, to, octets, order):
    family = family_of(own)
    addresses = socket.inet_pton(family, own[0]) + socket.inet_pton(family, to[0])
    length = 8 + octets
    head = struct.pack("!HHHH", own[1], to[1], length, 0)
    body = b"x" * (octets + octets % 2)
    right = checksum(addresses + struct.pack("!HH", 17, length) + head + body) or 0xFFFF
    datagram = head[:6] + struct.pack("!H", right) + b"x" * octets
    parts = [datagram[at : at + FRAGMENT_OCTETS] for at in range(0, length, FRAGMENT_OCTETS)]
    sent = iter(range(1, 65536))
    fragment = fragment4 if family == socket.AF_INET else fragment6

    def send():
        identification = next(sent)
        for i in order or range(len(parts)):
            more = i < len(parts) - 1
            raw.sendto(fragment(addresses, identification, i * FRAGMENT_OCTETS // 8, more, parts[i]), (to[0], 0))

    with socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw, bound(own) as udp:
        return answer_or_error(udp, send)


def connected(own, to):
    tcp = socket.socket(family_of(own), socket.SOCK_STREAM)
    share_port(tcp)
    tcp.settimeout(PATIENCE_SECONDS)
    tcp.bind(tuple(own))
    tcp.connect(tuple(to))
    return tcp


def ask_tcp(own, to, data):
    head = bytearray()
    with connections.pop(str([own, to]), None) or connected(own, to) as tcp:
        tcp.sendall(data)
        tcp.shutdown(socket.SHUT_WR)
        read_all(tcp, head)
    return {"seen": head.split(b"\n")[0].decode()}


def note_errors(raw, errors):
    while True:
        packet = raw.recv(65535)
        message = packet[(packet[0] & 15) * 4 :]
        if message[0] in (3, 11, 12):
            errors.put(message)


def watch_errors():
    """The errors that come over IPv4 from now on, as ICMP has them."""
    errors = queue.Queue()
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    threading.Thread(target=note_errors, args=(raw, errors), daemon=True).start()
    return errors


def sums(errors):
    """Waits for one at least."""
    messages = [errors.get(timeout=PATIENCE_SECONDS)]
    while not errors.empty():
        messages.append(errors.get())
    within = [message[8 : 8 + (message[8] & 15) * 4] for message in messages]
    wrong = [checksum(m + b"\0" * (len(m) % 2)) != 0 or checksum(w) != 0 for m, w in zip(messages, within)]
    return {"errors": len(messages), "wrong": sum(wrong)}


errors_seen = watch_errors()
connections = {}


def carry_out(request):
    octets = request.get("octets", 1)
    data = request["text"].encode() if "text" in request else b"x" * octets
    if "heard" in request:
        return heard.get(request["heard"])
    if "sums" in request:
        return sums(errors_seen)
    if "listen" in request:
        listen(*request["listen"])
        return True
    if "open" in request:
        connections[str(request["open"])] = connected(*request["open"])
        return True
    if "close" in request:
        connections.pop(str(request["close"])).close()
        return True
    if "udp" in request:
        return ask_udp(*request["udp"], data, request.get("ttl", 64))
    if "fragments" in request:
        return ask_in_fragments(*request["fragments"], octets, request.get("order"))
    return ask_tcp(*request["tcp"], data)


for line in sys.stdin:
    print(json.dumps(carry_out(json.loads(line))), flush=True)
