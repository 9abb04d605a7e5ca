"""A UDP relay that loses and doubles datagrams, the same ones for the same seed and order.

Clients talk to `port`; what they send goes to the target from a socket of their own, so that the target sees one address for
each client. Loopback only.
"""

import random
import select
import socket
import threading


class LossyRelay:
    def __init__(self, target_port, loss, doubling=0.0, seed=1):
        self.target = ("127.0.0.1", target_port)
        self.loss, self.doubling = loss, doubling
        self.random = random.Random(seed)
        self.front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.front.bind(("127.0.0.1", 0))
        self.port = self.front.getsockname()[1]
        self.back_of = {}  # client's address -> socket towards the target
        self.client_of = {}  # that socket -> client's address
        self.carried = self.lost = 0
        self.stopped = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def times(self):
        if self.random.random() < self.loss:
            self.lost += 1
            return 0
        self.carried += 1
        return 2 if self.random.random() < self.doubling else 1

    def run(self):
        while not self.stopped:
            ready, _, _ = select.select([self.front, *self.client_of], [], [], 0.1)
            for source in ready:
                if source is self.front:
                    data, client = source.recvfrom(2048)
                    if client not in self.back_of:
                        back = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                        back.bind(("127.0.0.1", 0))
                        self.back_of[client] = back
                        self.client_of[back] = client
                    for _ in range(self.times()):
                        self.back_of[client].sendto(data, self.target)
                else:
                    data, _ = source.recvfrom(2048)
                    for _ in range(self.times()):
                        self.front.sendto(data, self.client_of[source])

    def close(self):
        self.stopped = True
        self.thread.join()
        for each in (self.front, *self.client_of):
            each.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
