// The elements' names.

import { Decoder } from "./decoder.js";
import { Own } from "./own.js";
import { Player } from "./player.js";

for (const [name, kind] of Object.entries({ "glo-player": Player, "glo-decoder": Decoder, "glo-own": Own }))
  if (!customElements.get(name)) customElements.define(name, kind);
