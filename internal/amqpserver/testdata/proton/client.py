"""A client for TestProton: client.py SCENARIO URL. Prints one line of JSON for the test to judge.

Needs Debian's python3-qpid-proton. Its protocol engine is qpid-proton's, in C.
"""

import json
import sys
import uuid

import proton
from proton import Message, SSLDomain, int32, symbol, timestamp, ulong
from proton.reactor import AtMostOnce
from proton.utils import BlockingConnection, ConnectionClosed, LinkDetached

TIMEOUT = 15


def connect(url, **options):
    options.setdefault("sasl_enabled", False)
    if url.startswith("amqps"):
        domain = SSLDomain(SSLDomain.MODE_CLIENT)
        domain.set_peer_authentication(SSLDomain.ANONYMOUS_PEER)
        options["ssl_domain"] = domain
    return BlockingConnection(url, timeout=TIMEOUT, reconnect=False, allow_insecure_mechs=True, **options)


def round_trip(connection, message):
    receiver = connection.create_receiver("a", credit=10)
    sender = connection.create_sender("a")
    sender.send(message)
    back = receiver.receive(timeout=TIMEOUT)
    receiver.accept()
    sender.close()
    receiver.close()
    return back


def hello(url, **options):
    connection = connect(url, **options)
    back = round_trip(connection, Message(body=b"hello"))
    transport = connection.conn.transport
    said = {"body": bytes(back.body).decode(), "frame": transport.remote_max_frame_size, "channels": transport.remote_channel_max}
    connection.close()
    return said


def none(url):
    return hello(url)


def anonymous(url):
    return hello(url, sasl_enabled=True, allowed_mechs="ANONYMOUS")


def plain(url):
    return hello(url, sasl_enabled=True, allowed_mechs="PLAIN", user="user", password="pass")


def wrong(url):
    try:
        connect(url, sasl_enabled=True, allowed_mechs="PLAIN", user="user", password="wrong")
    except (proton.ProtonException, ConnectionClosed) as error:
        return {"refused": "Authentication failed [mech=PLAIN]" in str(error)}
    return {}


def frames(url):
    """Messages of many sizes, both ways in frames of 512 bytes."""
    connection = connect(url, max_frame_size=512)
    for size in (0, 1, 400, 600, 5000, 70000):
        body = b"x" * size
        if bytes(round_trip(connection, Message(body=body)).body) != body:
            return {"differs": size}
    connection.close()
    return {"same": True}


def types(url):
    """Every property, and a value of each type that both sides know."""
    connection = connect(url)
    differ = []
    for name in (uuid.UUID("f81d4fae-7dec-11d0-a765-00a0c91e6bf6"), ulong(2**63 + 1), "text", b"\x00\x01"):
        sent = Message(id=name, correlation_id=name, body="value", user_id=b"me", address="to", subject="s", reply_to="r",
                       content_type="text/plain", content_encoding="utf-8", expiry_time=1.5, creation_time=2.25, group_id="g",
                       group_sequence=3, reply_to_group_id="rg", durable=True, priority=7, ttl=9.0, delivery_count=2,
                       properties={"i": int32(-7), "l": 2**40, "s": "ü", "b": True, "d": 1.5, "n": None, "t": timestamp(1311704463521),
                                   "u": uuid.UUID(int=5), "y": symbol("sym")},
                       annotations={symbol("a"): ulong(1)}, instructions={symbol("d"): [1, "x", {"k": [None]}]})
        got = round_trip(connection, sent)
        for field in ("id", "correlation_id", "body", "user_id", "address", "subject", "reply_to", "content_type", "content_encoding",
                      "expiry_time", "creation_time", "group_id", "group_sequence", "reply_to_group_id", "durable", "priority", "ttl",
                      "delivery_count", "properties", "annotations", "instructions"):
            a, b = getattr(sent, field), getattr(got, field)
            if a != b or type(a) is not type(b):
                differ.append("%s of %r: %r became %r" % (field, name, a, b))
        for key, value in sent.properties.items():
            if type(got.properties[key]) is not type(value):
                differ.append("%s: %r became %r" % (key, value, got.properties[key]))
    for body in ([1, "two", None], {"k": symbol("v")}, numbers(), "x" * 300, None, True, uuid.UUID(int=7)):
        got = round_trip(connection, Message(body=body)).body
        if got != body:
            differ.append("body %r became %r" % (body, got))
    connection.close()
    return {"differ": differ}


def numbers():
    return [proton.ubyte(1), proton.ushort(2), proton.uint(3), ulong(4), proton.byte(-1), proton.short(-2), int32(-3), -4, proton.float32(1.5), 2.5,
            proton.char("€"), proton.Array(proton.UNDESCRIBED, proton.Data.INT, int32(1), int32(2))]


def rejected(url):
    connection = connect(url)
    sender = connection.create_sender("rejecting")
    delivery = sender.send(Message(body=b"x"), error_states=[])
    condition = delivery.remote.condition
    said = {"state": str(delivery.remote_state), "name": condition.name, "description": condition.description,
            "info": {str(k): v for k, v in (condition.info or {}).items()}}
    connection.close()
    return said


def refused(url):
    connection = connect(url)
    said = {}
    for kind, create in (("sender", connection.create_sender), ("receiver", connection.create_receiver)):
        try:
            create("nowhere")
        except LinkDetached as error:
            said[kind] = str(error).split(" closed due to: ")[1]
    round_trip(connection, Message(body=b"still here"))
    connection.close()
    return said


def settled(url):
    """A link on which nothing is ever unsettled."""
    connection = connect(url)
    receiver = connection.create_receiver("a", credit=1, options=AtMostOnce())
    sender = connection.create_sender("a", options=AtMostOnce())
    bodies = []
    for i in range(30):  # more than the credit of either side at once
        sender.link.send(Message(body=str(i)))
        bodies.append(receiver.receive(timeout=TIMEOUT).body)
    connection.close()
    return {"same": bodies == [str(i) for i in range(30)]}


def dynamic(url):
    connection = connect(url)
    receiver = connection.create_receiver(None, dynamic=True)
    address = receiver.link.remote_source.address
    connection.close()
    return {"address": address}


def idle(url):
    """A quiet time of several idle-time-outs, both ways."""
    connection = connect(url, heartbeat=0.4)
    receiver = connection.create_receiver("a", credit=10)
    sender = connection.create_sender("a")
    try:
        receiver.receive(timeout=2)
    except proton.Timeout:
        pass
    sender.send(Message(body="still here"))
    said = {"body": receiver.receive(timeout=TIMEOUT).body}
    receiver.accept()
    connection.close()
    return said


def closed(url):
    connection = connect(url)
    try:
        connection.create_sender("closing")
        connection.create_receiver("a").receive(timeout=TIMEOUT)
    except ConnectionClosed as error:
        return {"closed": str(error).split(" closed due to: ")[1]}
    return {}


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](sys.argv[2])))
