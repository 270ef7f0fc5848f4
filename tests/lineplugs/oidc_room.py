"""An identity provider of a test's own, over real HTTP: keys that can be rotated, tokens of any kind, faults."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

__all__ = ["Issuer", "unsigned"]

AUDIENCE = "gateway"


class Issuer:
    """It serves its discovery document and its keys."""

    def __init__(self) -> None:
        self.secrets: dict[str, Any] = {"rsa": _rsa(), "ec": ec.generate_private_key(ec.SECP256R1())}
        self.asked: Counter[str] = Counter()
        self.status = 200
        self.delay_s = 0.0
        self.claims_to_be = ""
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked[self.path] += 1
                time.sleep(issuer.delay_s)
                body = json.dumps(issuer.documents().get(self.path, {})).encode()
                self.send_response(issuer.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def documents(self) -> dict[str, Any]:
        told = {"issuer": self.claims_to_be or self.url, "jwks_uri": f"{self.url}/keys"}
        return {"/.well-known/openid-configuration": told, "/keys": {"keys": self.public()}}

    def public(self) -> list[dict[str, Any]]:
        found = [{"kty": "oct", "kid": "shared", "k": base64.urlsafe_b64encode(b"a" * 32).decode()}]
        for kid, secret in self.secrets.items():
            algorithm = ECAlgorithm if isinstance(secret, ec.EllipticCurvePrivateKey) else RSAAlgorithm
            found.append({**json.loads(algorithm.to_jwk(secret.public_key())), "kid": kid, "use": "sig"})
        return found

    def pem(self, kid: str = "rsa") -> bytes:
        public = self.secrets[kid].public_key()
        return bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))

    def rotate(self, kid: str = "rsa-2") -> None:
        self.secrets = {kid: _rsa()}

    def token(
        self, kid: str = "rsa", *, algorithm: str = "", secret: Any = None, header: Any = None, **claims: Any
    ) -> str:
        """A token that is good, but for what is said of it; a claim that is None is left out."""
        now = int(claims.pop("now", time.time()))
        told = {"iss": self.url, "aud": AUDIENCE, "sub": "ann", "iat": now, "exp": now + 300, **claims}
        told = {name: value for name, value in told.items() if value is not None}
        secret = self.secrets[kid] if secret is None else secret
        chosen = algorithm or ("ES256" if isinstance(secret, ec.EllipticCurvePrivateKey) else "RS256")
        return jwt.encode(told, secret, algorithm=chosen, headers={"kid": kid, **(header or {})})

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def unsigned(token: str, **header: Any) -> str:
    """The token with another header, and the signature that it had, or none."""
    _, claims, signature = token.split(".")
    told = base64.urlsafe_b64encode(json.dumps({"typ": "JWT", **header}).encode()).rstrip(b"=").decode()
    return f"{told}.{claims}.{'x' if header.get('alg') == 'none' else signature}"


def _rsa() -> Any:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)
