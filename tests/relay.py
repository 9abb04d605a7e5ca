"""A UDP relay that loses, doubles, delays, reorders and cuts off, for tests with real processes on one machine.

Each node gets a public address at the relay and is told the public address of the orchestrator, so that everybody knows
everybody by public addresses and all datagrams pass here:

    node a --> relay's port of the orchestrator ==> (from a's public port) orchestrator, which takes a to live at that port

    with Relay(seed=1) as relay:
        orchestrator = relay.add("orchestrator", ("127.0.0.1", 5000))   # -> its public address
        relay.add("a", ("127.0.0.1", 5001))
        relay.between("a", "b", Faults(loss=0.2, delay=(0.0, 0.2)))
        relay.partition({"a"}, {"b", "c"}); relay.heal()

With `guests`, whoever sends to a public address without having been added gets one too: clients whose port nobody knows before.

The draws come from the seed; which datagram meets which draw depends on the scheduling of real processes, so a run is alike, not
the same. Works for any user, without network namespaces or kernel modules. Standard library only.
"""
import collections
import dataclasses
import heapq
import itertools
import random
import selectors
import socket
import threading
import time


@dataclasses.dataclass(frozen=True)
class Faults:
    """What befalls each datagram, in one direction."""

    loss: float = 0.0  # probability
    duplication: float = 0.0  # probability of a second copy, with a delay of its own
    delay: tuple = (0.0, 0.0)  # seconds, drawn evenly: more than the gap between two datagrams reorders them
    stray: float = 0.0  # probability of a further delay of up to one second, as of a queue somewhere


class Relay:
    """Forwards on a thread of its own from `start` (or `with`) to `close`."""

    def __init__(self, seed, guests=False):
        self.random = random.Random(seed)
        self.guests = guests
        self.names = {}  # real address -> name
        self.real = {}  # name -> real address
        self.sockets = {}  # name -> socket at its public address
        self.faults = collections.defaultdict(Faults)  # (from, to) -> Faults
        self.cuts = []  # [(set, set)]
        self.counts = collections.Counter()
        self.waiting = []  # heap of (due, number, from, to, datagram)
        self.numbers = itertools.count()
        self.selector = selectors.DefaultSelector()
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.wake, self.waker = socket.socketpair()
        self.selector.register(self.wake, selectors.EVENT_READ, None)
        self.closing = False

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.close()

    def add(self, name, real):
        """Makes a public address for the program that is bound to `real`."""
        with self.lock:
            public = self._open(name, real)
        self.waker.send(b"x")
        return public.getsockname()

    def everywhere(self, faults):
        """Between any two of which nothing else is said."""
        with self.lock:
            self.faults.default_factory = lambda: faults

    def between(self, a, b, faults):
        """Both ways between two."""
        with self.lock:
            self.faults[a, b] = self.faults[b, a] = faults

    def one_way(self, a, b, faults):
        with self.lock:
            self.faults[a, b] = faults

    def partition(self, *sides):
        """Nothing passes between any two of these sets of names, until heal. What is under way gets lost."""
        with self.lock:
            self.cuts += list(itertools.permutations([frozenset(side) for side in sides], 2))

    def heal(self):
        with self.lock:
            self.cuts = []

    def close(self):
        self.closing = True
        self.waker.send(b"x")
        self.thread.join()
        for public in self.sockets.values():
            public.close()
        self.wake.close()
        self.waker.close()
        self.selector.close()

    def summary(self):
        with self.lock:
            return ", ".join(f"{name} {count}" for name, count in sorted(self.counts.items()))

    def _open(self, name, real):
        public = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        public.bind(("127.0.0.1", 0))
        public.setblocking(False)
        public.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.names[real] = name
        self.real[name] = real
        self.sockets[name] = public
        self.selector.register(public, selectors.EVENT_READ, name)
        return public

    # --- on the relay's thread ---

    def _cut(self, a, b):
        return any(a in one and b in other for one, other in self.cuts)

    def _take(self, to, datagram, real):
        came = self.names.get(real)
        if came is None and self.guests:
            came = f"guest {real[1]}"
            self._open(came, real)
        if came is None:
            self.counts["foreign"] += 1
            return
        self.counts["taken"] += 1
        faults = self.faults[came, to]
        copies = 1 + (self.random.random() < faults.duplication)
        self.counts["doubled"] += copies - 1
        for _ in range(copies):
            if self._cut(came, to):
                self.counts["cut off"] += 1
            elif self.random.random() < faults.loss:
                self.counts["lost"] += 1
            else:
                delay = self.random.uniform(*faults.delay)
                delay += self.random.random() if self.random.random() < faults.stray else 0.0
                heapq.heappush(self.waiting, (time.monotonic() + delay, next(self.numbers), came, to, datagram))

    def _forward_due(self):
        while self.waiting and self.waiting[0][0] <= time.monotonic():
            _, number, came, to, datagram = heapq.heappop(self.waiting)
            if self._cut(came, to):
                self.counts["cut off"] += 1
                continue
            self.counts["reordered"] += any(later[1] < number and later[2:4] == (came, to) for later in self.waiting)
            try:
                self.sockets[came].sendto(datagram, self.real[to])
                self.counts["forwarded"] += 1
            except OSError:
                self.counts["refused"] += 1  # the program is down

    def _run(self):
        while not self.closing:
            with self.lock:
                self._forward_due()
                patience = max(0.0, self.waiting[0][0] - time.monotonic()) if self.waiting else 1.0
            for key, _ in self.selector.select(patience):
                if key.data is None:
                    self.wake.recv(100)
                    continue
                for _ in range(64):
                    try:
                        datagram, real = key.fileobj.recvfrom(65535)
                    except ConnectionRefusedError:
                        continue  # an earlier datagram found the program down
                    except BlockingIOError:
                        break
                    with self.lock:
                        self._take(key.data, datagram, real)
