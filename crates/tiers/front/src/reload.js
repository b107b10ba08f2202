// While an application is written: loads the page anew once another start of the program answers than the one it is from.
(() => {
  const { started } = document.currentScript.dataset;
  const listen = () => {
    const events = new EventSource("/terrace/started");
    events.addEventListener("started", (event) => {
      if (event.data !== started) location.reload();
    });
    // By itself a browser waits for seconds before it asks again.
    events.onerror = () => {
      events.close();
      setTimeout(listen, 200);
    };
  };
  listen();
})();
