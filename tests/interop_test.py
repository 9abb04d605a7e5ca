"""Other people's CoAP against a node: aiocoap, libcoap and node-coap read, write, observe, discover and transfer in blocks, also with loss.

One house for all tests: a room with sensors and a heater, two nodes for logic, an orchestrator (tests/system_test.py). Processes
are real, sockets are loopback's, loss is a relay with a seed. What needs multicast runs in a network namespace of its own and is
skipped where the kernel refuses one.
"""

import asyncio
import contextlib
import hashlib
import itertools
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

import cbor2
import pytest
from aiocoap import DELETE, GET, POST, PUT, Context, Message, error
from aiocoap.numbers.optionnumbers import OptionNumber
from aiocoap.optiontypes import OpaqueOption

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from relay import Faults, Relay
from system_test import BUILD, ROOT, TENON, House, free_port, wait_for

CBOR, SENML_CBOR, SENML_JSON, TEXT, JSON, LINK = 60, 112, 110, 0, 50, 40
COAP_CLIENT = shutil.which("coap-client-notls") or shutil.which("coap-client")
COAP_SERVER = shutil.which("coap-server-notls") or shutil.which("coap-server")


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    house = House(tmp_path_factory.mktemp("house"))
    for name in ("orchestrator", "room", "logic1", "logic2"):
        house.start(name)
    try:
        house.apply()
        yield house
    finally:
        house.close()


@pytest.fixture(autouse=True)
def warm(house):
    """Every test begins with a room of 19.5 degrees, and the node knows it."""
    house.write("temperature", "19.5")
    house.write("occupied", "true")

    async def settled(context):
        for path, value in (("r/a/temperature", b"19.5"), ("r/a/occupied", b"true")):
            request = Message(code=GET, uri=uri(house.address("room"), path))
            request.opt.accept = TEXT
            while (await context.request(request.copy()).response).payload != value:
                await asyncio.sleep(0.05)
    with_client(settled)


# --- aiocoap -----------------------------------------------------------------------------------------------------------------


def uri(address, path):
    return f"coap://{address}/{path}"


def with_client(function):
    """Runs a coroutine with a client context, at most a minute."""
    async def run():
        context = await Context.create_client_context()
        try:
            return await asyncio.wait_for(function(context), 60)
        finally:
            await context.shutdown()
    return asyncio.run(run())


def ask(address, path, code=GET, payload=b"", accept=None, content_format=None, options=()):
    async def run(context):
        request = Message(code=code, uri=uri(address, path), payload=payload)
        if accept is not None:
            request.opt.accept = accept
        if content_format is not None:
            request.opt.content_format = content_format
        for option in options:
            request.opt.add_option(option)
        return await context.request(request).response
    return with_client(run)


class Observer:
    """Collects the payloads of one observation, the first answer included."""

    def __init__(self, context, address, path, accept=TEXT):
        request = Message(code=GET, uri=uri(address, path), observe=0)
        request.opt.accept = accept
        self.asked = context.request(request)
        self.payloads = []
        self.task = None

    async def begin(self):
        answer = await self.asked.response
        assert answer.code.is_successful(), answer.payload
        self.payloads.append(answer.payload)

        async def collect():
            with contextlib.suppress(error.Error):  # the context is closed under it
                async for notification in self.asked.observation:
                    self.payloads.append(notification.payload)
        self.task = asyncio.ensure_future(collect())
        return self

    async def until(self, payload, seconds=10):
        deadline = time.monotonic() + seconds
        while self.payloads[-1] != payload:
            assert time.monotonic() < deadline, f"{self.payloads} does not end in {payload}"
            await asyncio.sleep(0.02)

    async def hears(self, *payloads, seconds=10):
        """Exactly these from the beginning, and nothing else meanwhile."""
        deadline = time.monotonic() + seconds
        while len(self.payloads) < len(payloads) and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        assert self.payloads == list(payloads)

    def end(self):
        self.task.cancel()
        if not self.asked.observation.cancelled:
            self.asked.observation.cancel()


def coap_counters(house, name="room"):
    return json.loads(house.tenon("status", "--json", "--node", house.address(name)).stdout)["coap"]


def test_aiocoap_reads_in_each_format(house):
    room = house.address("room")
    answer = ask(room, "r/a/temperature")
    assert (answer.opt.content_format, cbor2.loads(answer.payload)) == (CBOR, 19.5)
    assert cbor2.loads(ask(room, "r/a/temperature", accept=CBOR).payload) == 19.5
    assert ask(room, "r/a/temperature", accept=TEXT).payload == b"19.5"
    [record] = json.loads(ask(room, "r/a/temperature", accept=SENML_JSON).payload)
    assert (record["bn"], record["u"], record["v"]) == ("room/a/temperature", "Cel", 19.5)
    assert -5 < record.get("t", 0) <= 0
    [record] = cbor2.loads(ask(room, "r/a/temperature", accept=SENML_CBOR).payload)
    assert (record[-2], record[1], record[2]) == ("room/a/temperature", "Cel", 19.5)
    [record] = json.loads(ask(room, "r/a/occupied", accept=SENML_JSON).payload)
    assert record["vb"] is True


def test_aiocoap_is_refused_with_a_code_and_a_sentence(house):
    room = house.address("room")
    cases = [
        (dict(path="r/a/temperature", accept=JSON), "4.06", b"Accept:"),
        (dict(path="status", accept=CBOR), "4.06", b"Accept:"),
        (dict(path="r/a/none"), "4.04", b"the node has no such resource"),
        (dict(path="p/none/out"), "4.04", b"the node runs no such task"),
        (dict(path="nowhere"), "4.04", b"no such path"),
        (dict(path="p/none/out", code=POST), "4.05", b"a port is read"),
        (dict(path="status", code=DELETE), "4.05", b"no such path for this method"),
        (dict(path="plan", code=PUT, payload=b"x", content_format=TEXT), "4.15", b"Content-Format:"),
        (dict(path="plan", code=PUT, payload=b"x", content_format=CBOR), "4.00", b""),
        (dict(path="r/a/temperature", options=[OpaqueOption(OptionNumber(65), b"?")]), "4.02", b"option 65"),
    ]
    for request, code, begins in cases:
        answer = ask(room, **request)
        assert answer.code.dotted == code, (request, answer)
        assert answer.payload and answer.payload.startswith(begins), (request, answer.payload)
        assert answer.opt.content_format is None


def test_aiocoap_discovers_with_filters(house):
    room = house.address("room")
    answer = ask(room, ".well-known/core")
    assert answer.opt.content_format == LINK
    links = answer.payload.decode()
    assert '</r/a/temperature>;rt="Zone_Air_Temperature_Sensor";if="core.s";u="Cel";ct="60 112 110 0";obs' in links
    paths = lambda query: [link.split(">")[0][1:] for link in ask(room, ".well-known/core?" + query).payload.decode().split(",") if link]
    assert paths("rt=Zone_Air_Temperature_Sensor") == ["/r/a/temperature"]
    assert set(paths("if=core.s")) >= {"/r/a/temperature", "/r/a/occupied"}
    assert paths("href=/r/a/h*") == ["/r/a/heating"]
    assert paths("rt=Nothing") == []
    logic = house.address(house.place())
    links = ask(logic, ".well-known/core").payload.decode()
    assert '</p/thermostat-a/heating>' in links and 'if="tenon.output"' in links and '</p/thermostat-a/temperature>' in links


async def no_observer(house, values):
    """Changes the value until nobody observes it: a Reset answers a notification that nobody waits for any more."""
    for _ in range(100):
        house.write("temperature", next(values))
        await asyncio.sleep(0.15)
        if (await asyncio.to_thread(coap_counters, house))["observers"] == 0:
            return
    raise AssertionError("still observed")


def test_aiocoap_observes_a_resource_and_lets_go(house):
    async def run(context):
        observer = await Observer(context, house.address("room"), "r/a/temperature").begin()
        for value in ("20", "20.5", "21"):
            house.write("temperature", value)
            await observer.until(value.encode())
        observer.end()
        assert observer.payloads == [b"19.5", b"20", b"20.5", b"21"]
        await no_observer(house, itertools.cycle(("22", "23")))
    with_client(run)


def test_client_that_is_gone_is_given_up(house):
    async def run(context):
        await Observer(context, house.address("room"), "r/a/temperature").begin()
    lost = coap_counters(house)["observers_lost"]
    with_client(run)
    values = itertools.cycle(("22", "23"))

    def forgotten():
        house.write("temperature", next(values))
        time.sleep(0.1)
        return coap_counters(house)["observers_lost"] > lost
    wait_for(forgotten, "no acknowledgement, no observer", 40)


def test_aiocoap_observes_a_port(house):
    async def run(context):
        logic = house.address(house.place())
        observer = await Observer(context, logic, "p/thermostat-a/heating").begin()
        await observer.until(b"21")
        house.write("occupied", "false")
        await observer.until(b"16")
        [record] = json.loads((await context.request(senml(logic, "p/thermostat-a/heating")).response).payload)
        assert record["bn"].endswith("/thermostat-a/heating") and record["v"] == 16
        observer.end()

    def senml(address, path):
        request = Message(code=GET, uri=uri(address, path))
        request.opt.accept = SENML_JSON
        return request
    with_client(run)


def test_aiocoap_observes_under_conditions(house):
    room = house.address("room")
    refused = with_client(lambda context: context.request(
        Message(code=GET, uri=uri(room, "r/a/temperature?c.st=0"), observe=0)).response)
    assert (refused.code.dotted, refused.payload[:5]) == ("4.00", b"c.st:")
    refused = with_client(lambda context: context.request(
        Message(code=GET, uri=uri(room, "r/a/temperature?c.edge=1"), observe=0)).response)
    assert (refused.code.dotted, refused.payload[:7]) == ("4.00", b"c.edge:")

    async def run(context):
        above = await Observer(context, room, "r/a/temperature?c.gt=25").begin()
        steps = await Observer(context, room, "r/a/temperature?c.st=2").begin()
        band = await Observer(context, room, "r/a/temperature?c.band&c.lt=24").begin()
        edge = await Observer(context, room, "r/a/occupied?c.edge=1").begin()
        occupied = await Observer(context, room, "r/a/occupied").begin()
        every = await Observer(context, room, "r/a/temperature?c.st=1").begin()
        for value in ("21", "24.5", "26", "27", "23"):
            house.write("temperature", value)
            await every.until(value.encode())
        await above.hears(b"19.5", b"26", b"23")
        await steps.hears(b"19.5", b"24.5", b"27", b"23")
        await band.hears(b"19.5", b"24.5", b"26", b"27")
        for value in ("false", "true"):
            house.write("occupied", value)
            await occupied.until(value.encode())
        await edge.hears(b"true", b"true")
        for observer in (above, steps, band, edge, occupied, every):
            observer.end()
    with_client(run)


def test_aiocoap_hears_no_faster_than_pmin_and_no_slower_than_pmax(house):
    async def run(context):
        began = time.monotonic()
        slow = await Observer(context, house.address("room"), "r/a/temperature?c.pmin=1.5").begin()
        often = await Observer(context, house.address("room"), "r/a/temperature?c.pmax=0.5&c.gt=90").begin()
        for tenths in range(200, 212):
            house.write("temperature", str(tenths / 10))
            await asyncio.sleep(0.15)
        await slow.until(b"21.1")
        assert 2 <= len(slow.payloads) <= 2 + (time.monotonic() - began) / 1.5, slow.payloads
        wanted = time.monotonic() + 10
        while len(often.payloads) < 4:
            assert time.monotonic() < wanted, often.payloads
            await asyncio.sleep(0.02)
        slow.end()
        often.end()
    with_client(run)


def test_aiocoap_transfers_in_blocks_both_ways(house):
    room = house.address("room")
    status = ask(room, "status")
    assert len(status.payload) > 1024 and json.loads(status.payload)["node"] == "room"
    wasm = max((BUILD / "components").glob("*.wasm"), key=lambda path: path.stat().st_size).read_bytes()
    assert len(wasm) > 2048
    path = "code/" + hashlib.sha256(wasm).hexdigest()
    assert ask(room, path, code=PUT, payload=wasm, content_format=42).code.dotted == "2.04"
    assert ask(room, path, code=PUT, payload=wasm[:-1], content_format=42).code.dotted == "4.00"


def test_aiocoap_overrides_an_actuator_and_sees_it(house):
    room = house.address("room")

    async def run(context):
        observer = await Observer(context, room, "r/a/heating").begin()
        override = Message(code=PUT, uri=uri(room, "r/a/heating?priority=8&for=60000"), payload=b"25")
        override.opt.content_format = TEXT
        answer = await context.request(override).response
        assert answer.code.dotted == "2.04", answer.payload
        await observer.until(b"25")
        answer = await context.request(Message(code=DELETE, uri=uri(room, "r/a/heating?priority=8"))).response
        assert answer.code.dotted == "2.02", answer.payload
        await observer.until(b"21")
        observer.end()
    with_client(run)


def behind(relay, house, faults):
    """The address of the room's node behind the relay."""
    relay.everywhere(faults)
    return "%s:%d" % relay.add("room", ("127.0.0.1", house.ports["room"]))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_aiocoap_gets_there_through_a_wire_that_loses_a_fifth(house, seed):
    with Relay(seed, guests=True) as relay:
        address = behind(relay, house, Faults(loss=0.2, duplication=0.1))

        async def run(context):
            answer = await context.request(Message(code=GET, uri=uri(address, "status"))).response
            assert json.loads(answer.payload)["node"] == "room"
            observer = await Observer(context, address, "r/a/temperature?c.con=1").begin()
            for value in ("20", "20.5", "21", "21.5", "22"):
                house.write("temperature", value)
                await asyncio.sleep(0.3)
            await observer.until(b"22", 30)
            heard = [float(payload) for payload in observer.payloads]
            assert heard == sorted(heard), "never an older value after a newer one"
            observer.end()
        with_client(run)
        assert relay.counts["lost"] > 0


# --- libcoap -----------------------------------------------------------------------------------------------------------------


def libcoap(method, address, path, *options, timeout=20):
    command = [COAP_CLIENT, "-m", method, *[str(option) for option in options], uri(address, path)]
    result = subprocess.run(command, capture_output=True, timeout=timeout)
    return result.stdout.decode().strip() + result.stderr.decode().strip()


needs_libcoap = pytest.mark.skipif(COAP_CLIENT is None, reason="libcoap's coap-client is not installed")


@needs_libcoap
def test_libcoap_reads_is_refused_and_discovers(house):
    room = house.address("room")
    assert libcoap("get", room, "r/a/temperature", "-A", TEXT) == "19.5"
    assert json.loads(libcoap("get", room, "r/a/temperature", "-A", SENML_JSON))[0]["v"] == 19.5
    assert "4.06" in libcoap("get", room, "r/a/temperature", "-A", JSON)
    assert "4.04" in libcoap("get", room, "r/a/none")
    assert "4.05" in libcoap("post", room, "status", "-e", "x")
    assert "4.15" in libcoap("put", room, "plan", "-e", "x", "-t", TEXT)
    assert "4.00" in libcoap("get", room, "r/a/temperature?c.pmin=0", "-s", "1")
    assert libcoap("get", room, ".well-known/core?rt=Zone_Air_T*").startswith("</r/a/temperature>;")
    assert libcoap("get", room, "r/a/temperature", "-A", TEXT, "-N") == "19.5"


@needs_libcoap
def test_libcoap_sends_tokens_of_any_length(house):
    room = house.address("room")
    for token in ("", "t", "eightlet", "thirteen letters and more: 32 ok"):
        assert libcoap("get", room, "r/a/temperature", "-A", TEXT, "-T", token) == "19.5"


def show_the_room(house, before, *temperatures):
    """Waits until one more observes than `before`, then has the node see each of these."""
    wait_for(lambda: coap_counters(house)["observers_accepted"] > before["observers_accepted"], "an observer")
    for value in temperatures:
        house.write("temperature", value)
        wait_for(lambda: ask(house.address("room"), "r/a/temperature", accept=TEXT).payload == value.encode(), value)


@needs_libcoap
def test_libcoap_observes(house):
    before = coap_counters(house)
    command = [COAP_CLIENT, "-m", "get", "-A", str(TEXT), "-s", "6", "-w", uri(house.address("room"), "r/a/temperature?c.gt=25")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        show_the_room(house, before, "21", "26", "27", "24")
        output, _ = process.communicate(timeout=30)
    finally:
        process.kill()
    assert output.split() == ["19.5", "26", "24"]
    after = coap_counters(house)
    assert after["observers_accepted"] == before["observers_accepted"] + 1
    assert after["observers"] <= before["observers"], "libcoap has deregistered"


@needs_libcoap
@pytest.mark.parametrize("size", [16, 64, 256, 1024])
def test_libcoap_transfers_in_blocks_of_any_size(house, tmp_path, size):
    room = house.address("room")
    assert json.loads(libcoap("get", room, "status", "-b", size))["node"] == "room"
    wasm = (BUILD / "components" / "thermostat.wasm").read_bytes()
    (tmp_path / "code").write_bytes(wasm)
    answer = libcoap("put", room, "code/" + hashlib.sha256(wasm).hexdigest(), "-f", tmp_path / "code", "-t", 42, "-b", size)
    assert answer == ""


@needs_libcoap
def test_libcoap_reads_in_blocks_through_loss(house):
    with Relay(seed=7, guests=True) as relay:
        text = libcoap("get", behind(relay, house, Faults(loss=0.1)), "status", "-b", 256, "-B", 60, timeout=70)
        assert json.loads(text)["node"] == "room"


@pytest.mark.skipif(COAP_SERVER is None, reason="libcoap's coap-server is not installed")
def test_tenon_reads_in_blocks_from_libcoaps_server(house, tmp_path):
    port = free_port()
    server = subprocess.Popen([COAP_SERVER, "-A", "127.0.0.1", "-p", str(port), "-d", "10"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        status = ask(house.address("room"), "status").payload
        (tmp_path / "status").write_bytes(status)
        wait_for(lambda: "libcoap" in libcoap("get", f"127.0.0.1:{port}", "", "-B", 1), "coap-server answers")
        libcoap("put", f"127.0.0.1:{port}", "status", "-f", tmp_path / "status", "-t", JSON)
        result = subprocess.run([TENON, "status", "--json", "--node", f"127.0.0.1:{port}"], capture_output=True, timeout=20)
        assert json.loads(result.stdout) == json.loads(status), result.stderr
        missing = subprocess.run([TENON, "logs", "x", "--orchestrator", f"127.0.0.1:{port}"], capture_output=True, timeout=20)
        assert missing.returncode != 0 and missing.stderr
    finally:
        server.kill()
        server.wait()


# --- node-coap ---------------------------------------------------------------------------------------------------------------

NODE = shutil.which("node")
NODE_PATH = ROOT / "build/third_party/npm/node_modules"
needs_node = pytest.mark.skipif(NODE is None or not (NODE_PATH / "coap").exists(), reason="node-coap is not there: run ./dev setup")


def node_coap(*arguments):
    return subprocess.Popen([NODE, str(ROOT / "tests/node_coap_client.js"), *map(str, arguments)], stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, env={**os.environ, "NODE_PATH": str(NODE_PATH)})


def node_coap_once(*arguments):
    output, _ = node_coap(*arguments).communicate(timeout=30)
    return json.loads(output)


@needs_node
def test_node_coap_reads_is_refused_and_reads_in_blocks(house):
    room = house.address("room")
    answer = node_coap_once("GET", uri(room, "r/a/temperature"), "text/plain")
    assert (answer["code"], answer["format"], answer["payload"]) == ("2.05", "text/plain", "19.5")
    answer = node_coap_once("GET", uri(room, "r/a/temperature"), "application/senml+json")
    assert json.loads(answer["payload"])[0]["u"] == "Cel"
    assert node_coap_once("GET", uri(room, "r/a/temperature"), "application/json")["code"] == "4.06"
    assert node_coap_once("GET", uri(room, "r/a/none"))["code"] == "4.04"
    assert json.loads(node_coap_once("GET", uri(room, "status"))["payload"])["node"] == "room"


@needs_node
def test_node_coap_observes(house):
    before = coap_counters(house)
    process = node_coap("GET", uri(house.address("room"), "r/a/temperature?c.st=1"), "text/plain", 6)
    try:
        show_the_room(house, before, "20", "21", "23")
        output, _ = process.communicate(timeout=30)
    finally:
        process.kill()
    assert [json.loads(line)["payload"] for line in output.splitlines()] == ["19.5", "21", "23"]


# --- multicast, in a network of its own ----------------------------------------------------------------------------------------


@contextlib.contextmanager
def node_script(tmp_path, listen):
    (tmp_path / "value").write_text("1\n")
    (tmp_path / "node.yaml").write_text(
        f"node: lone\nlisten: \"{listen}\"\ndata: {tmp_path}/data\nmulticast: [v0]\n"
        f"resources:\n  a/value: {{driver: file, path: {tmp_path}/value, quantity: Zone_Air_Temperature_Sensor}}\n")
    yield f"{TENON} node {tmp_path}/node.yaml >{tmp_path}/log 2>&1 & node=$!; trap 'kill $node' EXIT; sleep 1; "


NETWORK = ("ip link set lo up && ip link add v0 type veth peer name v1 && ip link set v1 up && ip link set v0 up && "
           "ip -6 addr add fe80::1/64 dev v0 nodad && ip addr add 10.9.9.1/24 dev v0 && ip route add 224.0.0.0/4 dev v0")


def in_own_network(script, timeout=60):
    return subprocess.run(["unshare", "--net", "bash", "-c", f"{NETWORK} || exit 77; {script}"], capture_output=True, text=True,
                          timeout=timeout)


can_unshare = shutil.which("unshare") is not None and in_own_network("true").returncode == 0


@needs_libcoap
@pytest.mark.skipif(not can_unshare, reason="no network namespaces here")
@pytest.mark.parametrize("listen, group", [("10.9.9.1:7001", "224.0.1.187"), ("[::]:7001", "[ff02::fd]"),
                                           ("[::]:7001", "[ff05::fd]")])
def test_nodes_are_discovered_by_multicast_and_never_answer_with_errors(tmp_path, listen, group):
    def ask_all(path):
        return f"timeout 9 {COAP_CLIENT} -N -B 7 -m get 'coap://{group}/{path}'; echo; "
    with node_script(tmp_path, listen) as start:
        result = in_own_network(start + ask_all(".well-known/core?rt=Zone*"))
        assert "</r/a/value>" in result.stdout, (result.stdout, result.stderr, (tmp_path / "log").read_text())
        if group == "224.0.1.187":
            result = in_own_network(start + ask_all(".well-known/core?rt=Nothing") + ask_all("r/a/none"))
            assert result.stdout.strip() == "" and "4." not in result.stderr, (result.stdout, result.stderr)
