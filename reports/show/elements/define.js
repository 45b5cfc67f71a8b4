// The elements' names.

import { Decoder } from "./decoder.js";
import { Player } from "./player.js";

for (const [name, kind] of Object.entries({ "glo-decoder": Decoder, "glo-player": Player }))
  if (!customElements.get(name)) customElements.define(name, kind);
