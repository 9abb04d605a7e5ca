"""The plant's messages on a serial line (plant/protocol.cddl), for either end: CBOR, CRC-32C, COBS. Written from the format, not from
drivers/plant_frame.c, so that the two check each other."""
import cbor2


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def stuffed(data):
    """COBS, with the 0 that ends a frame."""
    groups = []
    for part in data.split(b"\0"):
        while len(part) >= 254:
            groups.append(b"\xff" + part[:254])
            part = part[254:]
        groups.append(bytes([len(part) + 1]) + part)
    return b"".join(groups) + b"\0"


def unstuffed(frame):
    packet = b""
    while frame:
        distance = frame[0]
        packet += frame[1:distance]
        frame = frame[distance:]
        packet += b"\0" if frame and distance < 255 else b""
    return packet


class Line:
    """One end of the line, over a stream socket."""

    def __init__(self, socket):
        self.socket = socket
        self.socket.settimeout(30)
        self.received = b""

    def send(self, message, noise=b""):
        packet = cbor2.dumps(message)
        for byte in noise + stuffed(packet + crc32c(packet).to_bytes(4, "big")):
            self.socket.send(bytes([byte]))  # as a line brings them

    def receive(self):
        """The next message; None when the line was closed."""
        while True:
            while b"\0" not in self.received:
                more = self.socket.recv(100)
                if not more:
                    return None
                self.received += more
            frame, self.received = self.received.split(b"\0", 1)
            if frame:
                packet = unstuffed(frame)
                assert crc32c(packet[:-4]).to_bytes(4, "big") == packet[-4:]
                return cbor2.loads(packet[:-4])
