customElements.define("glo-player", Player);
customElements.define("glo-decoder", Decoder);
