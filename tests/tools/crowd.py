# PORT SILENT SLOW HELD: keeps so many connections, the slow ones with half a request and a byte of header a second.
# Says `held` once HELD of them were open at one time, and `again N` when it is told to end, N times put out.
import asyncio, signal, ssl, sys

port, silent, slow, held = map(int, sys.argv[1:])
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
tls.check_hostname = False
tls.verify_mode = ssl.CERT_NONE
now = {'open': 0, 'again': 0, 'said': False}

async def stay(reader, writer, more):
    while True:
        writer.write(more)
        await writer.drain()
        try:
            if not await asyncio.wait_for(reader.read(100), 1):
                return
        except asyncio.TimeoutError:
            pass

async def stranger(context, first, more):
    while True:
        try:
            reader, writer = await asyncio.open_connection('127.0.0.1', port, ssl=context)
        except OSError:
            await asyncio.sleep(0.1)
            continue
        now['open'] += 1
        if now['open'] >= held and not now['said']:
            now['said'] = True
            print('held', flush=True)
        try:
            writer.write(first)
            await stay(reader, writer, more)
        except OSError:
            pass
        now['open'] -= 1
        now['again'] += 1
        writer.transport.abort()
        await asyncio.sleep(0.2)

async def main():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    half = b'POST / HTTP/1.1\r\nHost: x\r\nX: '
    tasks = [asyncio.create_task(stranger(None, b'', b'')) for _ in range(silent)]
    tasks += [asyncio.create_task(stranger(tls, half, b'x')) for _ in range(slow)]
    await stop.wait()
    print('again', now['again'], flush=True)
    for t in tasks:
        t.cancel()

asyncio.run(main())
