"""``python -m calldron.engines.carrier``: the sandbox carrier alone, until SIGTERM."""

import asyncio
import signal

import click

from calldron import logs
from calldron.engines.carrier.server import Carrier
from calldron.media.errors import MediaUnavailable


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Numeric local address for SIP and media.")
@click.option("--port", default=5070, show_default=True, type=click.IntRange(0, 65535), help="SIP port; 0: any free.")
def main(host: str, port: int) -> None:
    """Answer SIP calls as the number plan says; prints one line when ready."""
    logs.configure(process="carrier")
    try:
        asyncio.run(serve(host, port))
    except (OSError, MediaUnavailable) as error:
        raise click.ClickException(f"{host}:{port}: {error}") from None


async def serve(host: str, port: int) -> None:
    """Be the carrier until SIGTERM or SIGINT."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    carrier = Carrier(host, port)
    await carrier.start()
    click.echo(f"carrier ready on {host}:{carrier.port}")
    try:
        await stopping.wait()
    finally:
        await carrier.stop()


if __name__ == "__main__":
    main()
