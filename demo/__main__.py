"""``python -m demo``: the whole appliance on this machine (``make run``, ``make dev``, ``make bench``, …)."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import Final

from bridge.process.environment import environment
from demo.appliance import SAMPLES, Appliance, Asked, Code, Options, stop_when_asked, watch
from demo.bench import command as bench
from demo.databases import MAPPING
from demo.installation import Access, Installation
from demo.postgres import EmbeddedPostgres, home_for
from demo.processes import OWN_DATABASE, DemoError

_DATA_DIR: Final = Path("var/demo")
_OWN_DATA_DIR: Final = Path("var/own")


def main() -> int:
    arguments = _parser().parse_args()
    stop_when_asked()
    try:
        if arguments.command == "reset":
            _reset(arguments.data_dir)
        elif arguments.command == "bench":
            bench.bench(arguments, _say)
        elif arguments.command == "profile":
            bench.profile(arguments, _say)
        else:
            _run(_options(arguments))
    except DemoError as error:
        print(f"drawbridge: {error}", file=sys.stderr, flush=True)
        return 1
    except Asked:
        _say("stopped")
    return 0


def _run(options: Options) -> None:
    with Appliance(options, _say) as appliance:
        code = Code() if options.reload else None
        access = appliance.start()
        print(_greeting(access, options), flush=True)
        print(f"ready {access.url}", flush=True)
        try:
            watch(appliance, code)
        except Asked:
            _say("stopping")
            raise


def _reset(data_dir: Path) -> None:
    """Forget a demo that is not running: its data, keys and certificates."""
    installation = Installation(data_dir)
    folder = installation.folder
    if installation.is_new and folder.exists():
        msg = f"{folder} is no demo's folder: nothing was removed"
        raise DemoError(msg)
    EmbeddedPostgres(home_for(folder)).remove()
    shutil.rmtree(folder, ignore_errors=True)
    _say(f"removed {folder}")


def _say(text: str) -> None:
    print(f"· {text}", flush=True)


def _greeting(access: Access, options: Options) -> str:
    installation = Installation(options.data_dir)
    folder = installation.folder
    lines = [
        "",
        f"  Drawbridge  {access.url}",
        f"  user        {access.email}",
        f"  password    {access.password}",
        f"  CA          {access.ca_file}",
        f"              (for the browser to trust; or accept its warning for {access.url})",
        f"  try         curl -K {installation.curl_file} '{access.url}/api/v1/health/symptoms?limit=3'",
        f"  logs        {folder / 'log'}",
        "",
    ]
    if not options.database_url:
        others = ", ".join(f"{account.email} ({account.role})" for account in SAMPLES if account.email != access.email)
        lines.insert(4, f"              the same password: {others}")
    if options.database_url:
        agent = f"CREDENTIALS_DIRECTORY={folder}/agent/credentials {sys.executable} -m agent"
        settings = f"--config {folder}/agent/agent.toml"
        lines[-1:] = [
            "  The account sees no records until you say whose it may see (leave --person out if the mapping says",
            "  single_person). The role in DATABASE_URL needs CONNECT, USAGE and SELECT on what the mapping names.",
            f"    {agent} grants add {access.email} --app health --person ID {settings}",
            f"    {agent} schema check {settings}",
            "",
        ]
    return "\n".join(lines)


def _options(arguments: argparse.Namespace) -> Options:
    database_url, mapping = environment().get(OWN_DATABASE, ""), arguments.mapping
    if bool(database_url) != bool(mapping):
        msg = "DATABASE_URL= and MAPPING= belong together: the database, and the file that says what is where in it"
        raise DemoError(msg)
    if mapping and not mapping.is_file():
        msg = f"{mapping}: there is no such file"
        raise DemoError(msg)
    return Options(
        port=arguments.port,
        data_dir=arguments.data_dir or (_OWN_DATA_DIR if database_url else _DATA_DIR),
        database_url=database_url,
        mapping=mapping or MAPPING,
        reload=arguments.reload,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m demo", description="The whole appliance on this machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="start everything, until Ctrl-C")
    run.add_argument("--port", type=_port, default=8443, help="where browsers connect (8443)")
    run.add_argument("--data-dir", type=Path, help=f"data, keys, certificates and logs ({_DATA_DIR})")
    mapping_help = f"the file that says where the records are in your own database, which {OWN_DATABASE} names"
    run.add_argument("--mapping", type=Path, help=mapping_help)
    run.add_argument("--reload", action="store_true", help="restart agent and gateway when their files change")
    reset = commands.add_parser("reset", help="forget the demo's data, keys and certificates")
    reset.add_argument("--data-dir", type=Path, default=_DATA_DIR, help=f"of which demo ({_DATA_DIR})")
    bench.add_commands(commands)
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:  # noqa: PLR2004 - what a port is
        msg = f"{text} is no port"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
