"""What a stranger may send to a board, without an orchestrator: modules and plans over block-wise CoAP, and modules made wrong."""

import hashlib
import os
import socket
import struct

import cbor2

PUT, BLOCK1, CONTENT_FORMAT, URI_PATH = 3, 27, 12, 11
CBOR, OCTETS = 60, 42
BLOCK = 512


def option(last, number, value):
    """One option behind number `last` (RFC 7252 section 3.1)."""
    def nibble(n):
        return (n, b"") if n < 13 else (13, bytes([n - 13])) if n < 269 else (14, struct.pack(">H", n - 269))
    (delta, more_delta), (length, more_length) = nibble(number - last), nibble(len(value))
    return bytes([delta << 4 | length]) + more_delta + more_length + value


def uint(value):
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


class BoardClient:
    def __init__(self, port):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(("127.0.0.1", port))
        self.socket.settimeout(0.5)
        self.id = int.from_bytes(os.urandom(2), "big")
        self.revision = 0

    def ask(self, options, payload):
        """The code of the answer and its payload; sends again as RFC 7252 section 4.2 has it."""
        self.id = self.id + 1 & 0xffff
        message = bytes([0x41, PUT]) + struct.pack(">H", self.id) + b"t"
        last = 0
        for number, value in options:
            message += option(last, number, value)
            last = number
        for _ in range(10):
            self.socket.send(message + (b"\xff" + payload if payload else b""))
            try:
                while True:
                    answer = self.socket.recv(2048)
                    if answer[2:4] == message[2:4]:
                        return f"{answer[1] >> 5}.{answer[1] & 31:02}", answer.partition(b"\xff")[2]
            except socket.timeout:
                continue
        raise AssertionError("the board does not answer")

    def put(self, path, content_format, body):
        """Block by block; the last answer, which may come early."""
        for index in range(max(1, -(-len(body) // BLOCK))):
            more = (index + 1) * BLOCK < len(body)
            options = [*((URI_PATH, part.encode()) for part in path.split("/")), (CONTENT_FORMAT, uint(content_format)),
                       (BLOCK1, uint(index << 4 | more << 3 | 5))]
            code, text = self.ask(options, body[index * BLOCK:(index + 1) * BLOCK])
            if code != "2.31":
                break
        return code, text

    def put_code(self, module, digest=None):
        return self.put(f"code/{digest or hashlib.sha256(module).hexdigest()}", OCTETS, module)

    def put_plan(self, modules, revision=None):
        """A task of each name, all fed with the board's temperature at input 0, once a second."""
        self.revision = revision or self.revision + 1
        tasks = [[name, hashlib.sha256(modules[name]).digest(), self.revision, 0, []] for name in sorted(modules)]
        links = [[1 + index, 0, [1, 0, 0], [0, index, 0], 200, 500, 0.0, 0, 0, False, 0, 0, None] for index in range(len(tasks))]
        plan = {0: 1, 1: self.revision, 2: "hostile", 3: "board", 4: tasks, 5: [["board/temperature", None, 1, 0]], 6: [], 7: links}
        return self.put("plan", CBOR, cbor2.dumps(plan))


# --- modules as they should not be ---------------------------------------------------------------------------------------


def leb(value):
    out = b""
    while True:
        out += bytes([value & 127 | (128 if value > 127 else 0)])
        value >>= 7
        if value == 0:
            return out


def unleb(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        shift += 7
        at += 1
        if data[at - 1] < 128:
            return value, at


def parts(module):
    """(id, begin of the section, begin of its content, end) of each section."""
    at = 8
    while at < len(module):
        size, content = unleb(module, at + 1)
        yield module[at], at, content, content + size
        at = content + size


def sections(module):
    """(name, content) of each custom section, (id, content) of each other."""
    for kind, _, content, end in parts(module):
        if kind == 0:
            size, at = unleb(module, content)
            yield module[at:at + size].decode(), module[at + size:end]
        else:
            yield kind, module[content:end]


def with_section(module, wanted, body):
    """The module with another content in its custom section `wanted`."""
    out = module[:8]
    for (name, content), (_, begin, _, end) in zip(sections(module), parts(module)):
        if name != wanted:
            out += module[begin:end]
            continue
        content = leb(len(wanted)) + wanted.encode() + body
        out += b"\0" + leb(len(content)) + content
    return out
