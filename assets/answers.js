// Sees to it that every event of the page hears its answer.
//
// Gradio's page reads all answers from one stream, which the server ends when nothing is pending. An
// event that joins the queue at that moment is told its number before the page has read of the end:
// the page takes the stream for open, opens no other, and the event, an upload or a question, waits
// for ever. So the number is handed on only once the stream has spoken of that event, or the page has
// read of the stream's end. Knows no event's meaning.
(() => {
  const fetched = window.fetch;
  const NUMBER = /"event_id":\s*"([^"]+)"/g;
  const END = /"msg":\s*"close_stream"/;
  const heard = new Set();    // numbers that a stream spoke of while an event was joining
  const waiting = new Map();  // number -> hands it on
  let joining = 0;
  let stream = null;          // what the page takes for open

  function overheard(response, ended) {
    const decoder = new TextDecoder();
    let text = '';
    const listen = new TransformStream({
      transform(chunk, out) {
        out.enqueue(chunk);
        text += decoder.decode(chunk, {stream: true});
        const end = text.lastIndexOf('\n') + 1;
        const lines = text.slice(0, end);
        text = text.slice(end);
        for (const [, id] of lines.matchAll(NUMBER)) {
          if (joining) heard.add(id);
          waiting.get(id)?.();
        }
        if (END.test(lines)) setTimeout(ended);  // a task of its own: the page reads the chunk first
      },
    });
    response.body.pipeTo(listen.writable).then(ended, ended);  // also where the line breaks
    return new Response(listen.readable, response);
  }

  async function read(input, init) {
    const now = stream = {};
    function ended() {
      if (stream === now) stream = null;
      waiting.forEach((go) => go());
    }
    try {
      const response = await fetched(input, init);
      if (response.ok) return overheard(response, ended);
      ended();
      return response;
    } catch (error) {
      ended();
      throw error;
    }
  }

  async function join(input, init) {
    joining += 1;
    try {
      const response = await fetched(input, init);
      const id = response.ok && (await response.clone().json()).event_id;
      if (id && stream && !heard.has(id)) await new Promise((go) => waiting.set(id, go));
      waiting.delete(id);
      return response;
    } finally {
      joining -= 1;
      if (!joining) heard.clear();
    }
  }

  window.fetch = (input, init) => {
    const {pathname} = new URL(input.url || input, window.location.href);
    if (pathname.endsWith('/queue/data')) return read(input, init);
    if (pathname.endsWith('/queue/join')) return join(input, init);
    return fetched(input, init);
  };
})();
