"""The server over real sockets: what it gives out, what it refuses, and that it stays silent."""

import http.client
import socket
import struct
import threading

import pytest

from grvae.base.errors import GrvaeError
from grvae.use.server import open_server

CLIENTS = 200
LARGE = bytes(8_000_000)


@pytest.fixture
def folder(tmp_path):
    page = tmp_path / "page"
    (page / "empty").mkdir(parents=True)
    (page / "inner").mkdir()
    (page / "index.html").write_text("the page")
    (page / "inner" / "index.html").write_text("the inner page")
    (page / "data.js").write_bytes(LARGE)
    (page / ".secret").write_text("secret")
    (page / ".git").mkdir()
    (page / ".git" / "config").write_text("secret")
    (tmp_path / "outside.txt").write_text("secret")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "index.html").write_text("secret")
    (page / "link.txt").symlink_to(tmp_path / "outside.txt")
    (page / "folder").symlink_to(tmp_path / "elsewhere")
    (page / "within.js").symlink_to(page / "data.js")
    (page / "circle").symlink_to(page / "circle")
    return page


@pytest.fixture
def server(folder):
    with open_server(folder, 0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ask(server, path, method="GET"):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.request(method, path)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer, content


def test_200_clients_at_once_are_all_answered(folder):
    with open_server(folder, 0) as server:
        address = ("127.0.0.1", server.server_port)
        clients = [socket.create_connection(address, timeout=5) for _ in range(CLIENTS)]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        for client in clients:
            client.sendall(b"GET /index.html HTTP/1.0\r\n\r\n")
        answers = [client.makefile("rb").read() for client in clients]
        for client in clients:
            client.close()
        server.shutdown()
        thread.join()
    assert all(answer.endswith(b"\r\n\r\nthe page") for answer in answers)


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/", b"the page"),
        ("/index.html?a=1#b", b"the page"),
        ("/inner/", b"the inner page"),
        ("/within.js", LARGE),
    ],
)
def test_files_of_the_folder_are_given_out(server, path, content):
    answer, got = ask(server, path)
    assert (answer.status, got) == (200, content)


@pytest.mark.parametrize(
    "path",
    [
        "/link.txt",
        "/folder/",
        "/folder/index.html",
        "/circle",
        "/.secret",
        "/%2esecret",
        "/.git/config",
        "/empty/",
        "/empty",
        "/none",
        "/../outside.txt",
        "/%2e%2e/outside.txt",
        "/%00",
        "/index.html%00",
        "/" + "a" * 5000,
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_anything_else_is_not_found(server, path, method, capfd):
    answer, content = ask(server, path, method)
    assert answer.status == 404
    assert b"secret" not in content
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("path", ["/", "/none"])
def test_every_answer_forbids_what_the_page_does_not_need(server, path):
    answer, _ = ask(server, path)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; ")
    assert "unsafe" not in policy


@pytest.mark.parametrize("reset", [False, True])
def test_client_that_leaves_in_the_middle_is_no_news(folder, reset, capfd):
    with open_server(folder, 0) as server:
        client = socket.create_connection(("127.0.0.1", server.server_port))
        client.sendall(b"GET /data.js HTTP/1.0\r\n\r\n")
        if reset:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        server.daemon_threads = False  # so that closing the server waits for the answer's end
        request, address = server.get_request()
        client.close()
        server.process_request(request, address)
    assert capfd.readouterr().err == ""


def test_an_error_of_the_server_itself_is_shown(server, monkeypatch, capfd):
    def fail(_):
        raise ZeroDivisionError

    monkeypatch.setattr("grvae.use.server.PageHandler.send_head", fail)
    with pytest.raises(http.client.RemoteDisconnected):
        ask(server, "/")
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_page_that_is_a_link_out_of_its_folder_is_refused(folder, tmp_path):
    (folder / "index.html").unlink()
    (folder / "index.html").symlink_to(tmp_path / "outside.txt")
    with pytest.raises(GrvaeError, match=r"index\.html is a link out of its folder"):
        open_server(folder, 0)
