"""Voters of a contest, over HTTP and gRPC, who read their ballots from a file.

    locust -f loadtest/locust/locustfile.py --host http://127.0.0.1:8080 --ballots votes.ndjson HttpVoter

With `-f …/locustfile.py,…/ramp.py` users come in steps (`--steps 5,10,40,200 --step-time 60`); without it Locust's own
`--users` and `--spawn-rate` hold. Ballots carry no id, so a file that is read again and again counts anew each time.
"""

import json
import pathlib
import sys
import time

from locust import FastHttpUser, User, constant_throughput, events, task

import ballots

_source = None


@events.init_command_line_parser.add_listener
def options(parser):
    parser.add_argument("--ballots", required=True, help="file of ballots: .ndjson, .json or .csv")
    parser.add_argument("--contest", default="bands", help="the contest's name (default: bands)")
    parser.add_argument("--kind", choices=["votes", "scores"], default="votes", help="votes or scores")
    parser.add_argument("--batch", type=int, default=1, help="ballots in one request (default: 1)")
    parser.add_argument("--rate", type=float, default=0, help="requests a second and user; 0: as fast as answers come")
    parser.add_argument("--token", default="", env_var="MAREA_TOKEN", is_secret=True, help="bearer token")
    parser.add_argument("--grpc", default="", help="host:port of the gRPC service (default: that of --host)")


@events.init.add_listener
def load(environment, **_):
    global _source
    # The master of a distributed run has users in its workers only.
    if environment.parsed_options is not None:
        _source = ballots.endless(ballots.read(environment.parsed_options.ballots))


class Paced:
    """As many requests a second as asked for, else one after the other."""

    def wait_time(self):
        rate = self.environment.parsed_options.rate
        return constant_throughput(rate)(self) if rate > 0 else 0


class HttpVoter(Paced, FastHttpUser):
    """Sends JSON: one ballot an object, more of them as NDJSON."""

    @task
    def vote(self):
        options = self.environment.parsed_options
        lines = [next(_source) for _ in range(options.batch)]
        media = "application/json" if options.batch == 1 else "application/x-ndjson"
        headers = {"content-type": media}
        if options.token:
            headers["authorization"] = f"Bearer {options.token}"
        path = f"/{options.kind}/{options.contest}"
        with self.client.post(path, data="\n".join(lines), headers=headers, catch_response=True) as answer:
            if answer.status_code != 202:
                answer.failure(_reason(answer))


def _reason(answer):
    """Status and problem code: few different texts, so that Locust's table of failures stays short."""
    try:
        problem = json.loads(answer.text or "{}")
    except ValueError:
        problem = {}
    return f"{answer.status_code} {problem.get('type') or problem.get('title') or 'no answer'}"


class GrpcVoter(Paced, User):
    """Calls `Cast` of `marea.ingest.v1.Ingest`."""

    def on_start(self):
        # Locust has this folder in the path only while it loads this file.
        sys.path.append(str(pathlib.Path(__file__).resolve().parent))
        import voting  # compiles the .proto, which HTTP users do not need

        options = self.environment.parsed_options
        target = options.grpc or self.host.split("//")[-1].rstrip("/")
        self.caster = voting.Caster(target, options.contest, options.token)

    def on_stop(self):
        self.caster.close()

    @task
    def cast(self):
        lines = [next(_source) for _ in range(self.environment.parsed_options.batch)]
        began, failure, size = time.perf_counter(), None, 0
        try:
            size = self.caster.cast(lines)
        except self.caster.Error as error:
            failure = self.caster.reason(error)
        took = (time.perf_counter() - began) * 1000
        self.environment.events.request.fire(
            request_type="gRPC",
            name="Cast",
            response_time=took,
            response_length=size,
            exception=failure and RuntimeError(failure),
            context={},
        )
