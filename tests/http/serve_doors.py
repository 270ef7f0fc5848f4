"""One application behind three doors: our own server, wsgiref, and Flask's test client.

``python serve_doors.py CONFIG`` prints the ports of the first two; the third is asked on standard input, a JSON object
a line (``path``, ``headers``, ``body``), and answers in kind (``status``, ``headers``, ``body``).
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import json  # noqa: E402
import socket  # noqa: E402
import sys  # noqa: E402
from socketserver import ThreadingMixIn  # noqa: E402
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server  # noqa: E402

import gevent  # noqa: E402
from gevent.fileobject import FileObject  # noqa: E402

from router.http.app import create_application  # noqa: E402
from router.http1.connection import Site  # noqa: E402
from router.http1.limits import ClientLimits  # noqa: E402
from router.server.acceptor import Acceptor  # noqa: E402


class Threading(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        pass


def main(config: str) -> None:
    application = create_application(config)
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    limits = ClientLimits.of(application.settings.server)
    Acceptor(listener.detach(), Site(application.wsgi, limits, application.render_error, application.calls)).start()
    other = make_server("127.0.0.1", 0, application.flask, Threading, Quiet)
    gevent.spawn(other.serve_forever)
    print(port, other.server_port, flush=True)
    client = application.flask.test_client()
    for line in FileObject(sys.stdin.fileno(), "rb", close=False):
        asked = json.loads(line)
        path, _, query = asked["path"].partition("?")
        place = {"PATH_INFO": path, "QUERY_STRING": query}  # as it is: the client takes // for a host
        body = asked["body"].encode()
        answer = client.post(data=body, headers=asked["headers"], environ_overrides=place)
        told = {"status": answer.status_code, "headers": list(answer.headers.items()), "body": answer.text}
        print(json.dumps(told), flush=True)
    application.close()


if __name__ == "__main__":
    main(sys.argv[1])
