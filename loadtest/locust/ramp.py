"""Users in steps, then the end: `--steps 5,10,40,200 --step-time 60`. Locust takes its numbers from here alone."""

from locust import LoadTestShape, events


@events.init_command_line_parser.add_listener
def options(parser):
    parser.add_argument("--steps", default="5,10,40,200", help="users at each step of the ramp (default: 5,10,40,200)")
    parser.add_argument("--step-time", type=float, default=60, help="seconds that each step lasts (default: 60)")


class Ramp(LoadTestShape):
    """Holds each step for its time."""

    def tick(self):
        options = self.runner.environment.parsed_options
        steps = [int(users) for users in options.steps.split(",")]
        step = int(self.get_run_time() // options.step_time)
        return (steps[step], steps[step]) if step < len(steps) else None
