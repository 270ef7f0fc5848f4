"""What browsers load besides pages: our own files, kept for good under their version, and the site's colours."""

from __future__ import annotations

import gzip

from flask import Flask, Response, request

from router.portal.web.brand import Brand
from router.portal.web.rendering import STATIC, static_version

__all__ = ["register_files"]

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
_FOR_GOOD = "public, max-age=31536000, immutable"
_AN_HOUR = "public, max-age=3600"


def register_files(app: Flask, brand: Brand) -> None:
    """Serve everything in the folder of static files, compressed for who takes that, and ``brand.css``."""
    files = {path.name: path.read_bytes() for path in STATIC.iterdir() if path.suffix in _TYPES}
    packed = {name: gzip.compress(body, mtime=0) for name, body in files.items()}
    own = {"brand.css": brand.css().encode("ascii"), "brand.svg": _icon(files["icon.svg"], brand)}

    def serve(name: str) -> Response:
        body = own.get(name) or files.get(name)
        if body is None:
            return Response("There is no such file.\n", 404, {"Content-Type": "text/plain"})
        known = name in files and request.args.get("v") == static_version(name)
        headers = {
            "Content-Type": _TYPES[f".{name.rpartition('.')[2]}"],
            "Cache-Control": _FOR_GOOD if known else _AN_HOUR,
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Vary": "Accept-Encoding",
        }
        if name in packed and request.accept_encodings["gzip"] > 0:
            return Response(packed[name], 200, {**headers, "Content-Encoding": "gzip"})
        return Response(body, 200, headers)

    app.add_url_rule("/app/static/<name>", "static", serve, methods=["GET"])
    app.add_url_rule("/favicon.ico", "favicon", lambda: serve("brand.svg"), methods=["GET"])


def _icon(svg: bytes, brand: Brand) -> bytes:
    return svg.replace(b"#3b5bdb", brand.accent.encode("ascii"))
