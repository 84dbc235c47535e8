"""What the suites share: mock vendors, a Sluice in front of them, a Sluice with the real engine."""

from pathlib import Path

import pytest

from harness.mock_config import RefusedPort, anthropic_vendor, bedrock_vendor, gemini_vendor, openai_vendor, responses_vendor
from harness.places import model_file
from harness.postgres import Postgres
from harness.recorder import Recorder
from harness.redis_server import Redis
from harness.sluice import Sluice
from harness.vendors import Aimock, Katan

HERE = Path(__file__).resolve().parent
ENGINE_MODEL = "local/smollm2-135m-instruct"


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Makes a new folder per call."""
    return lambda name: tmp_path_factory.mktemp(name)


@pytest.fixture(scope="session")
def aimock(folder):
    vendor = Aimock(folder("aimock"), HERE / "fixtures" / "aimock.json")
    yield vendor
    vendor.stop()


@pytest.fixture(scope="session")
def katan(folder):
    vendor = Katan(folder("katan"))
    yield vendor
    vendor.stop()


@pytest.fixture(scope="session")
def refused_port():
    port = RefusedPort()
    yield port
    port.close()


@pytest.fixture
def provider():
    """A provider of one test, which keeps what it is asked."""
    side = Recorder()
    yield side
    side.stop()


@pytest.fixture
def postgres():
    """A PostgreSQL of one test."""
    server = Postgres()
    yield server
    server.close()


@pytest.fixture
def redis(tmp_path):
    """A Redis of one test."""
    server = Redis(tmp_path / "redis").start()
    yield server
    server.kill()


@pytest.fixture
def serve(tmp_path):
    """Starts servers for one test: serve(config, ...) -> a running Sluice. They are stopped at its end."""
    started = []

    def start(config=None, name="sluice", ready=True, **options):
        server = Sluice(tmp_path / name, config, **options)
        started.append(server)
        return server.start(ready)

    yield start
    for server in started:
        if server.is_running():
            server.stop()


@pytest.fixture(scope="session")
def aimock_config(aimock):
    """The smallest configuration with both mock vendors, for tests that start a server of their own."""
    return {"providers": {"mockai": openai_vendor(aimock.url), "mockant": anthropic_vendor(aimock.url)}}


@pytest.fixture(scope="session")
def gateway(folder, aimock, refused_port):
    """A Sluice in front of aimock, which plays all vendors, with routes for the failover tests."""
    routes = {
        f"after-{fault}": [f"mockai/{fault}", "mockai/gpt-mock"] for fault in ("busy", "broken", "overloaded", "garbled", "hangup", "picky", "cut")}
    routes["after-refused"] = ["refused/any", "mockai/gpt-mock"]
    routes["across-dialects"] = ["mockai/broken", "mockant/claude-mock"]
    routes["across-dialects-back"] = ["mockant/broken", "mockai/gpt-mock"]
    server = Sluice(folder("gateway"), {
        "providers": {
            "mockai": openai_vendor(aimock.url),
            "mockant": anthropic_vendor(aimock.url),
            "mockgem": gemini_vendor(aimock.url),
            "mockresp": responses_vendor(aimock.url),
            "mockbed": bedrock_vendor(aimock.url),
            "refused": openai_vendor(refused_port.url),
            "unpriced": openai_vendor(aimock.url, prices={}),
        },
        "models": routes,
        "breaker": {"failures": 0},  # what fails in one test is asked all the same in the next
    }).start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def key(gateway):
    """A key of `gateway` without limits."""
    return gateway.create_key("suite")


@pytest.fixture(scope="session")
def recording(folder):
    """A Sluice in front of two recorders, one for each dialect: (server, openai recorder, anthropic recorder)."""
    openai_side, anthropic_side = Recorder(), Recorder()
    server = Sluice(folder("recording"), {
        "providers": {"oai": openai_vendor(openai_side.url), "ant": anthropic_vendor(anthropic_side.url)},
        "models": {"first-oai": ["oai/gpt-mock", "ant/claude-mock"]},
        "breaker": {"failures": 0},
    }).start()
    yield server, openai_side, anthropic_side
    server.stop()
    openai_side.stop()
    anthropic_side.stop()


@pytest.fixture(scope="session")
def recording_key(recording):
    return recording[0].create_key("recording")


@pytest.fixture(scope="session")
def needs_engine():
    if model_file() is None:
        pytest.skip("the model is not in the cache folder: run ./dev setup")


@pytest.fixture(scope="session")
def engine_gateway(folder, needs_engine):
    """A Sluice without a configuration file, with the engine and model that it finds by itself."""
    server = Sluice(folder("engine"), engine="auto").start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def engine_key(engine_gateway):
    return engine_gateway.create_key("engine-suite")
