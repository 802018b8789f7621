"""The gRPC client of `marea.ingest.v1.Ingest`, compiled from the service's own .proto when it is first needed."""

import json
import pathlib
import sys
import tempfile

import grpc
import grpc.experimental.gevent
from grpc_tools import protoc

grpc.experimental.gevent.init_gevent()

_PROTO = pathlib.Path(__file__).resolve().parents[2] / "services" / "ingest" / "proto" / "ingest.proto"


def _compiled():
    folder = tempfile.mkdtemp(prefix="marea-locust-")
    arguments = [f"-I{_PROTO.parent}", f"--python_out={folder}", f"--grpc_python_out={folder}", str(_PROTO)]
    if protoc.main(["protoc", *arguments]) != 0:
        raise SystemExit(f"{_PROTO} does not compile")
    sys.path.insert(0, folder)
    import ingest_pb2
    import ingest_pb2_grpc

    return ingest_pb2, ingest_pb2_grpc


_messages, _services = _compiled()


class Caster:
    """One user's connection."""

    Error = grpc.RpcError

    def __init__(self, target, contest, token):
        self._channel = grpc.insecure_channel(target, options=[("grpc.use_local_subchannel_pool", 1)])
        self._ingest = _services.IngestStub(self._channel)
        self._contest = contest
        self._metadata = [("authorization", f"Bearer {token}")] if token else []

    def cast(self, lines):
        """Casts ballots given as JSON texts; the answer's bytes."""
        request = _request(self._contest, [json.loads(line) for line in lines])
        reply = self._ingest.Cast(request, metadata=self._metadata, timeout=10)
        return reply.ByteSize()

    @staticmethod
    def reason(error):
        """Few different texts, so that Locust's table of failures stays short."""
        return error.code().name

    def close(self):
        self._channel.close()


def _request(contest, ballots):
    # Of all of them, in the order in which they come: one may have what another lacks.
    fields = list(dict.fromkeys(name for ballot in ballots for name in ballot if name not in ("id", "voter")))
    cast = [
        _messages.Ballot(
            id=ballot.get("id", ""),
            voter=ballot.get("voter", ""),
            values=[_value(ballot.get(name)) for name in fields],
        )
        for ballot in ballots
    ]
    return _messages.CastRequest(contest=contest, fields=fields, ballots=cast)


def _value(value):
    if value is None:
        return _messages.Value()
    return _messages.Value(integer=value) if isinstance(value, int) else _messages.Value(text=str(value))
