"""Write small Bruker .bcf files: what a test needs of the container, the header and the pixels, and no more."""

import base64
import struct
import zlib

import numpy as np

CHUNK = 4096
_NO_LAYERS = base64.b64encode(zlib.compress(b"<DetLayers/>")).decode()


def write_bcf(path, maps, *, detectors=None, sums=None, axes=None, packing=1, steps=(2.0, 3.0), chunk=CHUNK):
    """Write a file.

    Parameters
    ----------
    path : Path
    maps : list of (height, width, C) int array
        A map for each detector.
    detectors : int, optional
        What the header gives as number of detectors; where not given, that of the maps.
    sums : list of (C,) array, optional
        The sum spectra that the file holds; where not given, the true ones.
    axes : list of (float, float), optional
        First channel and step of each map, keV.
    packing : int
        0: 16 bits a photon, 1: 12 bits a photon, 2: runs of channels.
    steps : (float, float)
        Height and width of a pixel, µm.
    chunk : int
        Bytes of a piece of the container.
    """
    axes = axes or [(-0.47, 0.01)] * len(maps)
    sums = sums or [counts.sum(axis=(0, 1)) for counts in maps]
    header = _header(maps, sums, axes, detectors or len(maps), steps)
    streams = [b"".join(_stream(counts, packing)) for counts in maps]
    files = {"HeaderData": header} | {f"SpectrumData{i}": stream for i, stream in enumerate(streams)}
    path.write_bytes(_container(files, chunk))
    return path


def _stream(counts, packing):
    height, width, channels = counts.shape
    yield struct.pack("<II", height, width).ljust(0x1A0, b"\0")
    for row in counts:
        used = [x for x in range(width) if row[x].any()]
        yield struct.pack("<I", len(used))
        for x in used:
            where = np.repeat(np.arange(channels), row[x]) if packing < 2 else []
            packed = (_in_16_bits, _in_12_bits, _in_runs)[packing](row[x], where)
            yield (
                struct.pack("<IHHIHHHI", x, channels, channels, 0, packing, 0, len(where), len(packed))
                + packed
            )


def _in_16_bits(_, where):
    return where.astype("<u2").tobytes()


def _in_12_bits(_, where):
    """Pack four channels in three words of 16 bits."""
    padded = np.append(where, np.zeros(-len(where) % 4, int)).reshape(-1, 4)
    a, b, c, d = padded.T
    words = np.stack([a << 4 | b >> 8, (b & 0xFF) << 8 | c >> 4, (c & 0xF) << 12 | d], axis=1)
    return words.astype("<u2").tobytes()


def _in_runs(spectrum, _):
    """Give each run of channels a base of 32 bits and 16 bits a channel; four more bytes end a pixel."""
    edges = np.unique(np.concatenate([np.arange(0, len(spectrum), 255), np.flatnonzero(spectrum > 65535)]))
    edges = np.unique(np.concatenate([edges, np.flatnonzero(spectrum > 65535) + 1, [len(spectrum)]]))
    packed = []
    for run in np.split(spectrum, edges[1:-1]):
        base = int(run.min())
        packed.append(struct.pack("<BBI", 4, len(run), base) + (run - base).astype("<u2").tobytes())
    return b"".join(packed) + bytes(4)


def _header(maps, sums, axes, detectors, steps):
    height, width, channels = maps[0].shape
    picture = base64.b64encode(np.ones(height * width, np.uint8).tobytes()).decode()
    spectra = "".join(
        f"<SpectrumData{i}><ClassInstance Type='TRTSpectrum'><TRTHeaderedClass>"
        "<ClassInstance Type='TRTSpectrumHardwareHeader'><Amplification>20000</Amplification></ClassInstance>"
        f"<ClassInstance Type='TRTDetectorHeader'><Type>SDD</Type><DetLayers>{_NO_LAYERS}</DetLayers></ClassInstance>"
        "<ClassInstance Type='TRTESMAHeader'><PrimaryEnergy>20</PrimaryEnergy><ElevationAngle>35</ElevationAngle>"
        "</ClassInstance></TRTHeaderedClass><ClassInstance Type='TRTSpectrumHeader'><Date>1.1.2020</Date>"
        f"<Time>12:00:00</Time><CalibAbs>{first}</CalibAbs><CalibLin>{step}</CalibLin></ClassInstance>"
        f"<Channels>{','.join(str(int(n)) for n in total)}</Channels></ClassInstance></SpectrumData{i}>"
        for i, (total, (first, step)) in enumerate(zip(sums, axes, strict=True))
    )
    return (
        "<?xml version='1.0' encoding='WINDOWS-1252'?><TRTProject>"
        "<ClassInstance Type='TRTSpectrumDatabase' Name='test'><Header><Date>1.1.2020</Date><Time>12:00:00</Time>"
        "<FileVersion>1</FileVersion></Header>"
        f"<ClassInstance Type='TRTSEMData'><HV>20</HV><DX>{steps[1]}</DX><DY>{steps[0]}</DY></ClassInstance>"
        "<ClassInstance Type='TRTSEMStageData'><X>0</X></ClassInstance>"
        "<ClassInstance Type='TRTDSPConfiguration'><LineAverage>1</LineAverage><PixelAverage>1</PixelAverage>"
        "<PixelTime>1</PixelTime></ClassInstance>"
        f"<ClassInstance Type='TRTImageData'><Width>{width}</Width><Height>{height}</Height><ItemSize>1</ItemSize>"
        f"<PlaneCount>1</PlaneCount><Plane0><Data>{picture}</Data></Plane0></ClassInstance>"
        f"<LineCounter>1</LineCounter><ChCount>{channels}</ChCount><DetectorCount>{detectors}</DetectorCount>"
        f"{spectra}</ClassInstance></TRTProject>"
    ).encode()


def _container(files, chunk):
    """Put files into the container: a head of one chunk, then chunks of one size, 32 bytes of which number the next."""
    usable, chunks = chunk - 32, []

    def add(content):
        """Append content in chunks, and return their numbers."""
        pieces = [content[i : i + usable] for i in range(0, max(len(content), 1), usable)]
        numbers = range(len(chunks) + 1, len(chunks) + len(pieces) + 1)
        for number, piece in zip(numbers, pieces, strict=True):
            chunks.append(struct.pack("<I", number + 1).ljust(32, b"\0") + piece.ljust(usable, b"\0"))
        return list(numbers)

    items = [_item(b"EDSDatabase", 0, 0, parent=-1, is_dir=True)]
    for name, content in files.items():
        table = add(np.array(add(content), "<u4").tobytes())[0]
        items.append(_item(name.encode(), table, len(content), parent=0, is_dir=False))
    tree = add(b"".join(items))[0]
    head = bytearray(0x118 + chunk)
    head[:8] = b"AAMVHFSS"
    struct.pack_into("<fI", head, 0x124, 2.6, chunk)
    struct.pack_into("<III", head, 0x140, tree, len(items), len(chunks) + 1)
    return bytes(head) + b"".join(chunks)


def _item(name, table, size, *, parent, is_dir):
    return struct.pack("<iQQQQIi176s?3s256s32s", table, size, 0, 0, 0, 0, parent, b"", is_dir, b"", name, b"")
