"""Other servers that the benchmark puts in Medstream's place: a LiteLLM proxy, and a service on FastAPI and LangChain.

Each runs in the Python environment that Scripts/bench makes in .build/peers, with one worker process for each core it
is given and with the settings that its documentation names for production.
"""

from pathlib import Path

from targets import Target

ENVIRONMENT = Path(".build/peers").resolve()


class Peer(Target):
    # More than one core can do is part of the comparison, and no fault.
    may_lag = True
    start_seconds = 120

    def working_pids(self):
        return [self.process.pid, *self.children()]


class LiteLLM(Peer):
    """One uvicorn worker for each core (docs.litellm.ai, "Production Best Practices"), on uvloop; no log, no retries."""

    name = "litellm"
    ready_path = "/health/liveliness"
    environment = {
        "LITELLM_MODE": "PRODUCTION", "LITELLM_LOG": "ERROR",
        # No limit to connections: by default it has 500 to one host.
        "AIOHTTP_CONNECTOR_LIMIT": "0", "AIOHTTP_CONNECTOR_LIMIT_PER_HOST": "0",
        # The list of prices that came with it: a benchmark asks no outside server.
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    }

    CONFIGURATION = """\
model_list:
  - model_name: {model}
    litellm_params:
      model: openai/{model}
      api_base: http://127.0.0.1:{provider}/v1
      api_key: not-a-real-key
litellm_settings: {{ set_verbose: false, callbacks: [], num_retries: 0, request_timeout: 3600 }}
"""

    def command(self):
        path = self.work / "litellm.yaml"
        path.write_text(self.CONFIGURATION.format(model=self.model, provider=self.provider.port))
        # Its own settings do not reach the access log of the server below it.
        quiet = self.work / "litellm-log.json"
        quiet.write_text('{"version": 1, "disable_existing_loggers": false, "loggers": {"uvicorn.access": {"level": "ERROR"}}}')
        return [str(ENVIRONMENT / "bin/litellm"), "--config", str(path), "--log_config", str(quiet), "--host", "127.0.0.1",
                "--port", str(self.port), "--num_workers", str(self.cores), "--telemetry", "False"]


class FastAPI(Peer):
    """`service.py`, with one uvicorn worker for each core, on uvloop and httptools; no access log."""

    name = "fastapi"
    ready_path = "/health"

    def __init__(self, work, provider, model, cores=1):
        super().__init__(work, provider, model, cores)
        self.environment = {"PEER_MODEL": model, "PEER_BASE_URL": f"http://127.0.0.1:{provider.port}/v1",
                            "LANGSMITH_TRACING": "false"}

    def command(self):
        return [str(ENVIRONMENT / "bin/uvicorn"), "--app-dir", str(Path(__file__).parent), "service:app",
                "--host", "127.0.0.1", "--port", str(self.port), "--workers", str(self.cores),
                "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning", "--backlog", "4096"]
