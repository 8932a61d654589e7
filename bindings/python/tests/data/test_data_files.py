"""NumPy files, picture folders, downloads."""

import hashlib
import http.server
import sys
import threading

import numpy as np
import pytest

from quern.data import DataError, DataLoader, ImageFolder, download, from_npy, from_npz, read_image


def test_npy_and_npz(tmp_path):
    x, y = np.arange(12.0).reshape(4, 3), np.arange(4)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", y)
    np.savez(tmp_path / "both.npz", x=x, y=y)
    for data in (
        from_npy(tmp_path / "x.npy", tmp_path / "y.npy"),
        from_npy(tmp_path / "x.npy", tmp_path / "y.npy", mmap=False),
        from_npz(tmp_path / "both.npz"),
        from_npz(tmp_path / "both.npz", ["x", "y"]),
    ):
        batch = data.batch([3, 1])
        np.testing.assert_array_equal(batch[0], x[[3, 1]])
        np.testing.assert_array_equal(batch[1], [3, 1])


def test_malformed_numpy_files(tmp_path):
    (tmp_path / "bad.npy").write_bytes(b"\x93NUMPY\x01\x00garbage")
    np.save(tmp_path / "object.npy", np.array([object()]), allow_pickle=True)
    np.save(tmp_path / "x.npy", np.zeros(3))
    np.save(tmp_path / "y.npy", np.zeros(4))
    np.savez(tmp_path / "z.npz", a=np.zeros(2))
    whole = (tmp_path / "z.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[:40])
    for call, text in (
        (lambda: from_npy(tmp_path / "none.npy"), "none.npy: there is no such file"),
        (lambda: from_npy(tmp_path / "bad.npy"), "bad.npy"),
        (lambda: from_npy(tmp_path / "object.npy"), "plain arrays"),
        (lambda: from_npy(tmp_path / "x.npy", tmp_path / "y.npy"), r"y.npy: shape \(4,\), expected .*\(3,\)"),
        (lambda: from_npz(tmp_path / "z.npz", ["a", "b"]), "has no b, only a"),
        (lambda: from_npz(tmp_path / "x.npy"), "expected an .npz"),
        (lambda: from_npz(tmp_path / "cut.npz"), "cut.npz"),
    ):
        with pytest.raises(DataError, match=text):
            call()


def write_pictures(root):
    Image = pytest.importorskip("PIL.Image")
    for label, name in enumerate(("cat", "dog")):
        (root / name).mkdir()
        for i in range(2):
            Image.new("RGB", (6, 4), (label * 255, i * 100, 0)).save(root / name / f"{i}.png")


def test_image_folder(tmp_path):
    write_pictures(tmp_path)
    data = ImageFolder(tmp_path)
    assert data.classes == ("cat", "dog") and len(data) == 4
    x, y = next(iter(DataLoader(data, 4, workers=2)))
    assert x.shape == (4, 4, 6, 3) and np.array(y).tolist() == [0, 0, 1, 1]
    np.testing.assert_allclose(np.array(x)[3, 0, 0], [1, 100 / 255, 0], atol=1e-6)
    assert ImageFolder(tmp_path, size=(8, 8), mode="L")[0][0].shape == (8, 8, 1)
    assert ImageFolder(tmp_path, transform=np.mean)[2][0] == pytest.approx(255 / 3)


def test_bad_picture_folders(tmp_path):
    pytest.importorskip("PIL.Image")
    for call, text in (
        (lambda: ImageFolder(tmp_path / "none"), "no such folder"),
        (lambda: ImageFolder(tmp_path), "one folder a class"),
    ):
        with pytest.raises(DataError, match=text):
            call()
    (tmp_path / "cat").mkdir()
    with pytest.raises(DataError, match="no picture in"):
        ImageFolder(tmp_path)
    (tmp_path / "cat" / "a.png").write_bytes(b"not a picture")
    with pytest.raises(DataError, match="a.png"):
        ImageFolder(tmp_path)[0]


def test_without_pillow(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match="pip install pillow"):
        read_image(tmp_path / "a.png")


@pytest.fixture
def server():
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/data" else 404)
            self.end_headers()
            self.wfile.write(b"content")

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()


def test_download(tmp_path, server):
    path = tmp_path / "sub" / "file"
    digest = "sha256:" + hashlib.sha256(b"content").hexdigest()
    assert download(f"{server}/data", path, digest=digest) == path
    assert path.read_bytes() == b"content"
    assert download("http://127.0.0.1:1/", path, digest=digest) == path  # already there
    path.write_bytes(b"other")
    with pytest.raises(DataError, match="expected " + digest[7:]):
        download(f"{server}/data", path, digest=digest)


def test_failed_downloads_leave_nothing(tmp_path, server):
    path = tmp_path / "file"
    with pytest.raises(DataError, match="md5"):
        download(f"{server}/data", path, digest="md5:" + "0" * 32)
    with pytest.raises(DataError, match="404|Not Found"):
        download(f"{server}/none", path)
    with pytest.raises(DataError, match="Put a copy there by hand"):
        download("http://127.0.0.1:1/", path, timeout=2)
    with pytest.raises(ValueError, match="sha256"):
        download(f"{server}/data", path, digest="crc:12")
    assert list(tmp_path.iterdir()) == []
