"""What is under packaging/: that it says what this Sluice understands."""

import configparser
import re
import subprocess
from pathlib import Path

import yaml

from harness.places import sluice_binary
from harness.sluice import clean_environment

PACKAGING = Path(__file__).resolve().parents[2] / "packaging"


def manifest():
    return list(yaml.safe_load_all((PACKAGING / "kubernetes" / "sluice.yaml").read_text()))


def one(kind, name="sluice"):
    (found,) = [part for part in manifest() if part["kind"] == kind and part["metadata"]["name"] == name]
    return found


def test_the_manifests_configuration_is_valid_and_its_stop_lets_requests_end(tmp_path):
    text = one("ConfigMap")["data"]["sluice.yaml"]
    (tmp_path / "sluice.yaml").write_text(text)
    env = clean_environment(tmp_path, {"BOOKS_URL": "postgresql://sluice@h/d", "OPENAI_API_KEY": "k"})
    done = subprocess.run([str(sluice_binary()), "config", "validate", str(tmp_path / "sluice.yaml")], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    server = yaml.safe_load(text)["server"]
    pod = one("StatefulSet")["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] * 1000 > server["unready_ms"] + server["drain_timeout_ms"]
    (container,) = pod["containers"]
    assert {container[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe")} == {"/health/live"}
    ready = container["readinessProbe"]
    assert ready["httpGet"]["path"] == "/health/ready"
    assert server["unready_ms"] > ready["periodSeconds"] * ready["failureThreshold"] * 1000, "the load balancer learns it in time"
    mounts = {mount["name"] for mount in container["volumeMounts"]}
    volumes = {volume["name"] for volume in pod["volumes"]} | {claim["metadata"]["name"] for claim in one("StatefulSet")["spec"]["volumeClaimTemplates"]}
    assert mounts == volumes


def test_the_manifests_parts_find_each_other():
    workload = one("StatefulSet")["spec"]
    labels = workload["template"]["metadata"]["labels"]
    assert workload["selector"]["matchLabels"] == labels
    assert one("Service", workload["serviceName"])["spec"]["clusterIP"] == "None"
    for service in ("sluice", workload["serviceName"]):
        assert one("Service", service)["spec"]["selector"] == labels
    assert one("PodDisruptionBudget")["spec"]["selector"]["matchLabels"] == labels


def test_the_units_command_is_one_that_the_cli_knows():
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str
    unit.read_string((PACKAGING / "systemd" / "sluice@.service").read_text())
    command = unit["Service"]["ExecStart"].split()
    assert command[1] == "serve"
    shown = subprocess.run([str(sluice_binary()), "serve", "--help"], capture_output=True, text=True).stdout
    for flag in (word for word in command if word.startswith("--")):
        assert re.search(rf"{flag}\b", shown), flag
    assert int(unit["Service"]["TimeoutStopSec"]) > 30, "longer than server.drain_timeout_ms"
