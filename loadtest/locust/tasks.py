"""People who send tasks and vote: one step after the other, with a pause before each.

    loadtest/locust/run --tasks --users 40 --run-time 60s --host http://127.0.0.1:8080

A task is one ConfigMap of an own name. It is taken back in the end, so that a long run does not fill the namespace.
"""

import itertools
import os
import random

from locust import FastHttpUser, SequentialTaskSet, events, task

import locustfile

_numbers = itertools.count(1)


@events.init_command_line_parser.add_listener
def options(parser):
    parser.add_argument("--think", default="1,2", help="least and most seconds between requests (default: 1,2)")


class Steps(SequentialTaskSet):
    """Send a task, vote, look at the task, take it back."""

    id = ""

    def _headers(self, media):
        headers = {"content-type": media}
        if token := self.user.environment.parsed_options.token:
            headers["authorization"] = f"Bearer {token}"
        return headers

    def _ask(self, method, path, name, wanted, **more):
        with self.client.request(method, path, name=name, catch_response=True, **more) as answer:
            if answer.status_code != wanted:
                answer.failure(locustfile._reason(answer))
                return None
            return answer

    @task
    def send(self):
        name = f"person-{os.getpid()}-{next(_numbers)}"
        body = f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  key: value\n"
        answer = self._ask("POST", "/yaml", "POST /yaml", 202, data=body, headers=self._headers("application/yaml"))
        self.id = answer.json()["id"] if answer else ""

    @task
    def vote(self):
        body, headers = next(locustfile._source), self._headers("application/json")
        self._ask("POST", "/votes", "POST /votes", 202, data=body, headers=headers)

    @task
    def look(self):
        if not self.id:
            return
        path, headers = f"/status/{self.id}", self._headers("application/json")
        with self.client.get(path, name="GET /status", catch_response=True, headers=headers) as answer:
            if answer.status_code != 200:
                answer.failure(locustfile._reason(answer))
            elif answer.json()["state"] in ("FAILED", "REJECTED"):
                problems = [problem for revision in answer.json()["revisions"] for problem in revision.get("problems", [])]
                said = "; ".join(f"{problem['code']}: {problem['message']}" for problem in problems)
                answer.failure(f"task {answer.json()['state']}, {said}")

    @task
    def take_back(self):
        if self.id:
            headers = self._headers("application/json")
            self._ask("DELETE", f"/yaml/{self.id}", "DELETE /yaml", 202, headers=headers)


class Person(FastHttpUser):
    """Waits as people do."""

    tasks = [Steps]

    def wait_time(self):
        least, most = (float(part) for part in self.environment.parsed_options.think.split(","))
        return random.uniform(least, most)
