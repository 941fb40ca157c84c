"use strict";
(() => {
  const PALETTES = {
    light: {
      "@0": "#0b6bcb", "@1": "#c2410c", "@2": "#15803d", "@3": "#9333ea",
      "@4": "#b7791f", "@5": "#0e7490", "@6": "#be185d", "@7": "#4b5563",
      "@best": "#08306b", "@middle": "#3182bd", "@weak": "#d6dee6", "@reference": "#b3261e",
      "@bad": "#b3261e", text: "#1c2128", grid: "#e3e7ec", line: "#aab3bd", back: "#ffffff",
    },
    dark: {
      "@0": "#6cb2ff", "@1": "#ff9d5c", "@2": "#5ddb8b", "@3": "#cf9bff",
      "@4": "#f2c14e", "@5": "#4fd6e6", "@6": "#ff8cc0", "@7": "#b5bec8",
      "@best": "#ffe28a", "@middle": "#336a9e", "@weak": "#2b3540", "@reference": "#ff8a80",
      "@bad": "#ff8a80", text: "#e6eaef", grid: "#2a323a", line: "#56616c", back: "#1e242b",
    },
  };
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const narrow = matchMedia("(max-width: 40rem)");
  const places = [...document.querySelectorAll("[data-figure]")];
  let figures = [];

  async function inflate(id) {
    const packed = document.getElementById(id);
    const bytes = Uint8Array.from(atob(packed.textContent), (c) => c.charCodeAt(0));
    packed.remove();
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).text();
  }

  // Names of colours count only where a colour is expected: a text is never taken for one.
  function coloured(value, palette, expected) {
    if (typeof value === "string") return expected && value in palette ? palette[value] : value;
    if (Array.isArray(value)) {
      return expected || typeof value[0] === "object"
        ? value.map((entry) => coloured(entry, palette, expected)) : value;
    }
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(
      ([key, entry]) => [key, coloured(entry, palette, expected || /color/.test(key))]));
  }

  function themed(figure) {
    const palette = PALETTES[dark.matches ? "dark" : "light"];
    const made = coloured(figure, palette, false);
    const layout = made.layout;
    layout.paper_bgcolor = layout.plot_bgcolor = "rgba(0,0,0,0)";
    layout.font = { color: palette.text, size: 13, family: "system-ui, sans-serif" };
    layout.hoverlabel = {
      bgcolor: palette.back, bordercolor: palette.line, font: { color: palette.text }, align: "left",
    };
    layout.modebar = {
      bgcolor: "rgba(0,0,0,0)", color: palette.line, activecolor: palette.text,
    };
    layout.margin = { l: 60, r: 16, t: 30, b: 48, ...layout.margin };
    layout.legend = { orientation: "h", y: 1.02, yanchor: "bottom", x: 0, ...layout.legend };
    for (const key of Object.keys(layout)) {
      if (/^[xy]axis\d*$/.test(key)) {
        layout[key] = {
          gridcolor: palette.grid, linecolor: palette.line, zerolinecolor: palette.grid,
          automargin: true, ...layout[key],
        };
      }
    }
    for (const trace of made.data) {
      if (trace.type === "parcoords") {
        trace.labelfont = trace.tickfont = { color: palette.text, size: 12 };
        trace.rangefont = { color: "rgba(0,0,0,0)", size: 1 };
      }
    }
    return made;
  }

  function draw(place) {
    const { data, layout } = themed(figures[Number(place.dataset.figure)]);
    const config = {
      responsive: true, displaylogo: false,
      ...(place.closest(".grid") || narrow.matches ? { displayModeBar: false } : {}),
      modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
    };
    return Plotly.react(place, data, layout, config);
  }

  function refuse(place, text) {
    place.className = "plot failed";
    place.style.height = "auto";
    place.textContent = text;
  }

  function drawsWebGL() {
    const canvas = document.createElement("canvas");
    return Boolean(canvas.getContext("webgl") || canvas.getContext("experimental-webgl"));
  }

  // Without WebGL points are drawn as SVG, slower; parallel coordinates cannot be drawn at all.
  function withoutWebGL(figure) {
    for (const trace of figure.data) {
      if (trace.type === "scattergl") trace.type = "scatter";
    }
    return figure.data.some((trace) => trace.type === "parcoords") ? null : figure;
  }

  async function drawAll() {
    for (const place of places) {
      if (place.classList.contains("failed")) continue;
      try {
        await draw(place);
      } catch (error) {
        refuse(place, `This plot cannot be drawn: ${error.message}`);
        console.error(error);
      }
      await new Promise((resolve) => setTimeout(resolve, 0)); // the page stays responsive
    }
  }

  async function main() {
    try {
      figures = JSON.parse(await inflate("figures"));
      const code = document.createElement("script");
      code.textContent = await inflate("library");
      document.head.append(code);
    } catch (error) {
      for (const place of places) {
        refuse(place, "This browser cannot unpack the plots (DecompressionStream is missing): use "
          + "Chrome 80, Firefox 113, Safari 16.4 or newer. The tables hold the key numbers.");
      }
      document.documentElement.dataset.plots = "failed";
      return;
    }
    if (!drawsWebGL()) {
      figures = figures.map(withoutWebGL);
      for (const place of places) {
        if (figures[Number(place.dataset.figure)] === null) {
          refuse(place, "This plot needs WebGL, which this browser does not offer.");
        }
      }
    }
    await drawAll();
    dark.addEventListener("change", drawAll);
    document.documentElement.dataset.plots = "drawn";
  }
  main();
})();
