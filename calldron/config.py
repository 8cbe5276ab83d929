"""Settings of an installation: the environment (``CALLDRON_…``, ``DATABASE_URL``) over ``calldron.toml``."""

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, FiniteFloat, SecretStr, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from calldron import smtp
from calldron.store.databases import settings_of


def _http(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise ValueError("this begins with http:// or https://")
    return url


HttpUrl = Annotated[str, AfterValidator(_http)]
LogLevel = Annotated[
    Literal["DEBUG", "INFO", "WARNING", "ERROR"],
    BeforeValidator(lambda level: level.upper() if isinstance(level, str) else level),
]


class Config(BaseSettings):
    """Every setting with its default. The field's description is its line in the docs."""

    model_config = SettingsConfigDict(
        env_prefix="CALLDRON_",
        env_ignore_empty=True,
        toml_file="calldron.toml",
        extra="forbid",
        hide_input_in_errors=True,  # a password may be in it
    )

    home: Path = Field(Path("home"), description="folder of the database, recordings, keys and logs")
    database_url: str = Field(
        "",
        repr=False,
        validation_alias=AliasChoices("DATABASE_URL", "database_url"),
        description="empty: SQLite in the home folder; else postgres://USER:PASSWORD@HOST:PORT/NAME",
    )
    recordings: Path = Field(
        default_factory=lambda settings: settings["home"] / "recordings",
        description="folder of finished recordings, the same for all machines; empty: in the home folder",
    )
    secret_key: SecretStr = Field(
        SecretStr(""),
        description="signs sessions and links, the same for all web servers; empty: made in the home folder",
    )
    public_url: HttpUrl = Field(
        "http://127.0.0.1:8000", description="how clients reach the server; record_url starts with it"
    )
    allowed_hosts: list[str] = Field(
        ["*"], description="host names the web server answers to; set it when it faces the Internet"
    )
    trusted_proxies: list[str] = Field(
        ["127.0.0.1", "::1"],
        description="reverse proxies, addresses or networks, whose X-Forwarded-For and -Proto are believed",
    )
    smtp_url: SecretStr = Field(
        SecretStr(""),
        description="smtp://USER:PASSWORD@HOST:587 or smtps://…; empty: mail is not sent, its text is in the log",
    )
    mail_from: str = Field("Calldron <calldron@localhost>", description="sender of mail")
    api_rate: FiniteFloat = Field(100.0, ge=0, description="API requests a second an account may make, over a minute")
    max_body_mb: int = Field(32, ge=1, description="largest request body, megabytes")
    sip_host: str = Field(
        "0.0.0.0",  # noqa: S104 - a telephone has to be reachable; calls that come in are refused
        description="local address of SIP and RTP; 0.0.0.0: whichever a trunk is reached from",
    )
    sip_port: int = Field(0, ge=0, le=65_535, description="local SIP port; 0: any free one")
    sip_advertise: str = Field(
        "", description="public address told to trunks where NAT lies between; empty: the local one"
    )
    rtp_ports: str = Field(
        "",
        pattern=r"^(\d{4,5}-\d{4,5})?$",
        description="UDP ports of RTP, as 20000-29999; empty: whichever the kernel chooses",
    )
    sandbox_port: int = Field(5099, ge=1, le=65_535, description="port of the sandbox carrier")
    max_calls: int = Field(500, ge=1, description="calls up at once on this node")
    lease_seconds: FiniteFloat = Field(
        30.0, ge=3, description="how long a node's calls stay its own when it falls silent"
    )
    drain_seconds: FiniteFloat = Field(
        30.0, ge=0, description="how long a stopping dialer lets calls end by themselves"
    )
    log_level: LogLevel = Field("INFO", description="DEBUG, INFO, WARNING or ERROR")

    @field_validator("database_url")
    @classmethod
    def _a_database(cls, url: str) -> str:
        settings_of(url, Path())
        return url

    @field_validator("secret_key")
    @classmethod
    def _hard_to_guess(cls, key: SecretStr) -> SecretStr:
        if 0 < len(key.get_secret_value()) < 32:
            raise ValueError("this has at least 32 characters: openssl rand -base64 48")
        return key

    @field_validator("smtp_url")
    @classmethod
    def _a_mail_server(cls, url: SecretStr) -> SecretStr:
        smtp.settings_of(url.get_secret_value())
        return url

    @field_validator("rtp_ports")
    @classmethod
    def _a_range_of_ports(cls, ports: str) -> str:
        if ports:
            first, last = map(int, ports.split("-"))
            if not 1024 <= first < last <= 65_535:
                raise ValueError("this is two ports from 1024 to 65535, the lower one first")
        return ports

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment first, then the file beside which the command is run."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @property
    def rtp_range(self) -> range | None:
        """The ports of ``rtp_ports``; ``None`` where the kernel chooses."""
        if not self.rtp_ports:
            return None
        first, last = map(int, self.rtp_ports.split("-"))
        return range(first, last + 1)

    @property
    def tracks(self) -> Path:
        """Raw tracks of calls that are up."""
        return self.home / "tracks"


@lru_cache
def config() -> Config:
    """The settings of this process, read once. Raises pydantic's ``ValidationError``, which names the setting."""
    return Config()
