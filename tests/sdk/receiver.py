"""A receiver of webhooks, for the checks."""

import queue
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer


def receiver():
    """Starts one on this machine: its address, and a queue of the headers and bodies it is sent."""
    calls = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            self.send_response(204)
            self.end_headers()
            calls.put((dict(self.headers), body))

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/hook", calls
